"""Every route, asked by everybody: who gets in, who is sent to sign in, who is refused and who sees nothing."""

import re
import sys
from enum import StrEnum

import pytest

from chalicelib.accounts import keys, operations, store
from chalicelib.accounts.members import operations as members
from chalicelib.accounts.model import Role
from chalicelib.accounts.permissions import CATALOGUE, Permission
from chalicelib.application import create_app
from chalicelib.identity import User
from frontend import session
from tests import make
from tests.client import Client
from tests.people import ORIGIN, PASSWORD, People

ROUTES = create_app().table
WITH_CREDENTIALS = {"/login", "/api/login", "/api/token/refresh", "/api/invitations/{token}/accept"} | {
    "/api/webhook",
    "/api/webhook/{tenant_id}",
}
"""Public, and yet answered 401 when what is sent is wrong."""
LAST = ("POST unpark", "POST resume", "POST logout", "DELETE {tenant_id}")
NO_TENANT = "There is no organisation"
PERSONAS = (
    "nobody",
    "viewer",
    "operator",
    "admin",
    "another tenant's admin",
    "a parked tenant's admin",
    "a suspended tenant's admin",
    "a removed member",
    "platform admin",
    "an admin's key",
    "a viewer's key",
    "a revoked key",
)
ROLES = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "a viewer's key": Role.VIEWER}


class Verdict(StrEnum):
    IN = "in"
    SIGN_IN = "sign in"
    REFUSED = "refused"
    HIDDEN = "hidden"


class World:
    """All personas, in one home."""

    def __init__(self):
        self.ports = make.ports()
        self.people = People(self.ports)
        people = self.people
        self.clients = {
            "nobody": people.nobody,
            "viewer": people.viewer,
            "operator": people.teammate,
            "admin": people.owner,
            "another tenant's admin": people.stranger,
            "a parked tenant's admin": self.sign_up("Parked"),
            "a suspended tenant's admin": self.sign_up("Suspended"),
            "a removed member": self.removed(),
            "platform admin": self.sign_up("Platform"),
            "an admin's key": self.key(people.owner, Role.ADMIN),
            "a viewer's key": self.key(people.owner, Role.VIEWER),
            "a revoked key": self.revoked_key(),
        }
        platform = people.caller(self.clients["platform admin"])
        self.ports.documents.transact([store.put_platform_admin(platform.user_id)])
        self.tenants = dict.fromkeys(self.clients, people.tenant_id)
        for name, act, by in (
            ("parked", "park", "a parked tenant's admin"),
            ("suspended", "suspend", "platform admin"),
        ):
            persona = f"a {name} tenant's admin"
            self.tenants[persona] = people.caller(self.clients[persona]).tenant_id
            path = f"/api/tenants/{self.tenants[persona]}/{act}"
            assert self.clients[by].post(path, {"reason": "Closed over the summer"}).status == 200

    def sign_up(self, organisation):
        email = f"ada@{organisation.lower()}.example"
        operations.signup(self.ports, email=email, password=PASSWORD, organisation=organisation)
        return self.signed_in(email)

    def signed_in(self, email):
        tokens = operations.login(self.ports, email=email, password=PASSWORD, origin=ORIGIN)
        return Client(self.people.wsgi, tokens.access_token)

    def removed(self):
        owner = self.people.caller(self.people.owner)
        user = self.ports.identity.create_user("gone@engines.example", PASSWORD)
        members.add(self.ports, owner, owner.tenant_id, email=user.email, role=Role.ADMIN)
        client = self.signed_in(user.email)
        self.cookie_of_the_removed = operations.open_pages(self.ports, user, ORIGIN)
        members.remove(self.ports, owner, owner.tenant_id, user.user_id)
        return client

    def key(self, client, role):
        _, text = keys.create(self.ports, self.people.caller(client), name="a", role=role)
        return Client(self.people.wsgi, text)

    def revoked_key(self):
        owner = self.people.caller(self.people.owner)
        key, text = keys.create(self.ports, owner, name="b", role=Role.ADMIN)
        keys.revoke(self.ports, owner, key.key_id)
        return Client(self.people.wsgi, text)

    def ask(self, persona, route):
        path = route.path.replace("{tenant_id}", self.tenants[persona])
        path = re.sub(r"{\w+}", "x", path)
        if path.startswith("/api/"):
            return self.clients[persona].send(route.method, path)
        return self.browse(persona, route.method, path)

    def browse(self, persona, method, path):
        browser = Client(self.people.wsgi)
        cookie = self.cookie(persona)
        browser.cookies[session.SESSION_COOKIE if persona != "nobody" else session.VISIT_COOKIE] = cookie
        form = f"{session.PROOF_FIELD}={session.proof_of(cookie)}".encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return browser.send(method, path, body=form if method == "POST" else b"", headers=headers)

    def cookie(self, persona):
        if persona == "nobody":
            return "visitor"
        if persona == "a removed member":
            return self.cookie_of_the_removed
        caller = self.people.caller(self.clients[persona])
        return operations.open_pages(self.ports, User(caller.user_id, caller.email), ORIGIN)


def expected(persona, route):
    names_tenant = "{tenant_id}" in route.path
    if route.public:
        return Verdict.IN
    if persona in ("nobody", "a revoked key"):
        return Verdict.SIGN_IN
    if persona == "a removed member":
        return Verdict.HIDDEN if names_tenant else Verdict.SIGN_IN
    if persona == "another tenant's admin" and names_tenant:
        return Verdict.HIDDEN
    rule = CATALOGUE[route.permission]
    allowed = persona == "platform admin" or ROLES.get(persona, Role.ADMIN) in rule.roles
    if persona in ("a parked tenant's admin", "a suspended tenant's admin"):
        allowed = allowed and rule.asleep
    if persona.endswith("key"):
        allowed = allowed and rule.by_key
    return Verdict.IN if allowed else Verdict.REFUSED


def verdict(reply, route):
    assert reply.status < 500, reply.text
    if route.path in WITH_CREDENTIALS:
        return Verdict.REFUSED if reply.status == 403 else Verdict.IN
    if reply.status == 401 or (not route.public and (reply.header("Location") or "").startswith("/login")):
        return Verdict.SIGN_IN
    if reply.status == 403:
        return Verdict.REFUSED
    if reply.status == 404 and NO_TENANT in reply.text and "{tenant_id}" in route.path:
        return Verdict.HIDDEN
    return Verdict.IN


def asked(persona):
    """Routes that a persona can ask; what changes the tenant's own state comes last. Keys open no pages."""
    routes = [each for each in ROUTES if each.path.startswith("/api/") or not persona.endswith("key")]
    return sorted(routes, key=lambda each: (rank(each), each.path))


def rank(route):
    act = f"{route.method} {route.path.rpartition('/')[2]}"
    return LAST.index(act) if act in LAST else -1


@pytest.mark.parametrize("persona", PERSONAS)
def test_every_route_lets_in_whom_its_permission_names(persona, record_property):
    world = World()
    cells = {
        (each.method, each.path): (expected(persona, each), verdict(world.ask(persona, each), each))
        for each in asked(persona)
    }
    record_property("cells", len(cells))
    assert {cell: pair for cell, pair in cells.items() if pair[0] is not pair[1]} == {}


def test_the_matrix_is_whole():
    cells = sum(len(asked(persona)) for persona in PERSONAS)
    pages = [each for each in ROUTES if not each.path.startswith("/api/")]
    keys_too = [persona for persona in PERSONAS if persona.endswith("key")]
    sys.stdout.write(f"{cells} cells: {len(ROUTES)} routes, {len(PERSONAS)} personas\n")
    assert cells == len(ROUTES) * len(PERSONAS) - len(pages) * len(keys_too)


READING = {"account.read", "jobs.read", "members.read", "tenant.read", "units.read", "limits.read", "keys.read"} | {
    "templates.read",
    "seeds.read",
    "generation.read",
    "costs.read",
}
WORK = {"jobs.write", "templates.write", "seeds.write", "generation.write"}
OWN = {"account.write", "keys.write"}


def of_role(role):
    return {str(permission) for permission, rule in CATALOGUE.items() if role in rule.roles}


def test_viewers_look():
    assert of_role(Role.VIEWER) == READING | OWN


def test_operators_run_jobs():
    assert of_role(Role.OPERATOR) == of_role(Role.VIEWER) | WORK


def test_admins_do_all_but_run_the_platform():
    platform = {"tenant.suspend", "tenants.read", "limits.write"}
    assert set(map(str, Permission)) - of_role(Role.ADMIN) == platform


def test_a_sleeping_tenant_creates_nothing():
    awake = {str(permission) for permission, rule in CATALOGUE.items() if not rule.asleep}
    assert {"jobs.write", "members.write", "invitations.write", "keys.write", "units.write"} <= awake
