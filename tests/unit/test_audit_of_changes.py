"""Every route that changes something, done once: the audit then holds one entry for it, with the request's id."""

from functools import cache

import pytest

from chalicelib.accounts import keys
from chalicelib.accounts import store as members
from chalicelib.accounts.model import Role
from chalicelib.application import create_app
from chalicelib.audit import store
from chalicelib.documents import Range
from chalicelib.notifications import delivering
from tests import make
from tests.client import Client
from tests.engine import Engine
from tests.generating import ONE_STEP, Factory
from tests.mails import last_token
from tests.people import PASSWORD, People
from tests.posting import payload

ROUTES = [(each.method, each.path) for each in create_app().table if each.path.startswith("/api/")]
CHANGING = {each for each in ROUTES if each[0] != "GET"}
NOT_OF_A_TENANT = {
    ("POST", "/api/login"),
    ("POST", "/api/token/refresh"),
    ("POST", "/api/logout"),
    ("POST", "/api/password/forgot"),
    ("POST", "/api/email/verify"),
    ("DELETE", "/api/user/sessions/{session_id}"),
}
"""Signing in and out, and what only proves an address, change nothing of an organisation."""
ONLY_LOOKING = {
    ("POST", "/api/generation/estimate"),
    ("POST", "/api/templates/check"),
    ("POST", "/api/templates/preview"),
}
"""Questions too long for an address."""
REQUEST = "the-change"
WHY = "Closed over the summer"
NEW = "new@engines.example"
TENANT, MINE = "/api/tenants/{tenant_id}", "/api/user/channels"
CHANNEL = "/channels/{channel_id}"
AGAIN = "/deliveries/{delivery_id}/redeliver"


class World:
    """Engines with its people, and mallory, who runs the platform."""

    def __init__(self):
        self.ports = make.ports()
        self.people = People(self.ports)
        self.owner, self.platform, self.nobody = self.people.owner, self.people.stranger, self.people.nobody
        self.tenant = f"/api/tenants/{self.people.tenant_id}"
        runner = self.people.caller(self.platform)
        self.ports.documents.transact([members.put_platform_admin(runner.user_id)])

    def do(self, client, method, path, body=None):
        """Whatever goes before."""
        reply = client.send(method, path, body)
        assert reply.status < 300, reply.text
        return reply.json if reply.body else None

    def user_id(self, client):
        return self.do(client, "GET", "/api/user")["user_id"]

    def job(self, *, ended=False):
        job_id = self.do(self.owner, "POST", "/api/jobs", make.submission())["job_id"]
        if ended:
            engine = Engine(self.ports)
            engine.look(job_id)
            engine.end(job_id, 1)
        return job_id

    def factory(self):
        return Factory(self.ports, self.people.caller(self.owner))

    def generation(self, **fields):
        """A job of records; some of them may have failed."""
        return f"/api/jobs/{self.factory().make_it(**{'num_records': 3, 'steps': ONE_STEP, **fields})}"

    def template(self):
        return f"/api/templates/{self.factory().template(ONE_STEP)}"

    def edited(self):
        path = self.template()
        self.do(self.owner, "PUT", path, {**TEMPLATE, "description": "Now with words"})
        return path

    def seeds(self):
        return f"/api/seed-data/{self.factory().seeds()}"

    def linked(self):
        """Seed data whose file has come by its link."""
        made = self.do(self.owner, "POST", "/api/seed-data/link", {"name": "Rivers", "format": "csv"})
        assert self.nobody.put(made["link"], body=b"topic\nriver\n").status < 300
        return f"/api/seed-data/{made['seed_data_id']}/complete"

    def batch(self):
        found = self.factory().request(steps=ONE_STEP)
        base = {"template_id": found.template_id, "seed_data_id": found.seed_data_id}
        return {"name": "b", "base": base, "sweep_key": "num_records", "values": [1, 2], "budget_limit": 1}

    def below(self):
        body = {"organisation_name": "Engines North", "parent_tenant_id": self.people.tenant_id}
        return f"/api/tenants/{self.do(self.owner, 'POST', '/api/tenants', body)['tenant_id']}"

    def unit(self):
        made = self.do(self.owner, "POST", f"{self.tenant}/units", {"level": "division", "name": "Europe"})
        return made["unit_id"]

    def key(self):
        return self.do(self.owner, "POST", "/api/user/keys", {"name": "deploy", "role": "viewer"})["key_id"]

    def robot(self):
        _, text = keys.create(self.ports, self.people.caller(self.owner), name="ci", role=Role.OPERATOR)
        return Client(self.people.wsgi, text)

    def hooked(self):
        self.do(self.owner, "POST", f"{self.tenant}/webhook/secret")
        return f"{self.tenant}/webhook/secret"

    def invitation(self):
        body = {"email": NEW, "role": "viewer"}
        return self.do(self.owner, "POST", f"{self.tenant}/invitations", body)["invitation_id"]

    def invited(self):
        self.invitation()
        return last_token(self.ports, NEW)

    def newcomer(self):
        self.ports.identity.create_user(NEW, PASSWORD)
        return NEW

    def channel(self, base):
        body = {"kind": "email", "target": "ada@engines.example", "events": ["job.finished"]}
        return f"{base}/{self.do(self.owner, 'POST', base, body)['channel_id']}"

    def delivery(self, base):
        channel = self.channel(base)
        self.job(ended=True)
        delivering.deliver(self.ports)
        [sent] = self.do(self.owner, "GET", f"{channel}/deliveries")["items"]
        return f"{channel}/deliveries/{sent['delivery_id']}/redeliver"

    def forgotten(self):
        self.nobody.post("/api/password/forgot", {"email": "ada@engines.example"})
        return last_token(self.ports, "ada@engines.example")

    def asleep(self, verb):
        self.do(self.platform, "POST", f"{self.tenant}/{verb}", {"reason": WHY})

    def entries(self):
        found = []
        for tenant in self.tenants():
            page = self.ports.documents.query(store.partition(tenant), Range(), limit=1000)
            found += [each.body for each in page.items if each.body["request_id"] == REQUEST]
        return found

    def tenants(self):
        return [each["tenant_id"] for each in self.do(self.platform, "GET", "/api/tenants")["items"]]


TEMPLATE = {"name": "Rivers", "steps": ONE_STEP}
RIVERS = [{"topic": "river", "author.name": "Ada"}]
REFUSED = [{**ONE_STEP[0], "model": "offline/small+refuse=1"}]
HOOK = {"kind": "webhook", "target": "https://example.org/hook", "events": ["job.failed"]}

WAYS = {
    ("POST", "/api/signup"): lambda w: (
        w.nobody,
        "/api/signup",
        {"email": "jo@looms.example", "password": PASSWORD, "organisation": "Looms"},
    ),
    ("POST", "/api/password/reset"): lambda w: (
        w.nobody,
        "/api/password/reset",
        {"token": w.forgotten(), "password": "another long password"},
    ),
    ("POST", "/api/user/password"): lambda w: (
        w.owner,
        "/api/user/password",
        {"current": PASSWORD, "new": "another long password"},
    ),
    ("POST", "/api/user/verification"): lambda w: w.ports.clock.tick(300) or (w.owner, "/api/user/verification", None),
    ("POST", "/api/user/keys"): lambda w: (w.owner, "/api/user/keys", {"name": "deploy", "role": "viewer"}),
    ("DELETE", "/api/user/keys/{key_id}"): lambda w: (w.owner, f"/api/user/keys/{w.key()}", None),
    ("POST", f"{TENANT}/members"): lambda w: (
        w.owner,
        f"{w.tenant}/members",
        {"email": w.newcomer(), "role": "viewer"},
    ),
    ("POST", f"{TENANT}/members/bulk"): lambda w: (
        w.owner,
        f"{w.tenant}/members/bulk",
        {"items": [{"action": "add", "email": w.newcomer(), "role": "viewer"}]},
    ),
    ("PATCH", f"{TENANT}/members/{{user_id}}"): lambda w: (
        w.owner,
        f"{w.tenant}/members/{w.user_id(w.people.viewer)}",
        {"role": "operator"},
    ),
    ("DELETE", f"{TENANT}/members/{{user_id}}"): lambda w: (
        w.owner,
        f"{w.tenant}/members/{w.user_id(w.people.viewer)}",
        None,
    ),
    ("POST", f"{TENANT}/invitations"): lambda w: (
        w.owner,
        f"{w.tenant}/invitations",
        {"email": NEW, "role": "viewer"},
    ),
    ("POST", f"{TENANT}/invitations/{{invitation_id}}/resend"): lambda w: (
        w.owner,
        f"{w.tenant}/invitations/{w.invitation()}/resend",
        None,
    ),
    ("DELETE", f"{TENANT}/invitations/{{invitation_id}}"): lambda w: (
        w.owner,
        f"{w.tenant}/invitations/{w.invitation()}",
        None,
    ),
    ("POST", "/api/invitations/{token}/accept"): lambda w: (
        w.nobody,
        f"/api/invitations/{w.invited()}/accept",
        {"password": PASSWORD},
    ),
    ("POST", "/api/invitations/{token}/decline"): lambda w: (
        w.nobody,
        f"/api/invitations/{w.invited()}/decline",
        None,
    ),
    ("POST", "/api/tenants"): lambda w: (w.platform, "/api/tenants", {"organisation_name": "Looms"}),
    ("PATCH", TENANT): lambda w: (w.owner, w.tenant, {"metadata": {"a": 1}}),
    ("DELETE", TENANT): lambda w: (w.owner, f"{w.tenant}?force=true&confirm=Engines", None),
    ("POST", f"{TENANT}/park"): lambda w: (w.owner, f"{w.tenant}/park", {"reason": WHY}),
    ("POST", f"{TENANT}/unpark"): lambda w: w.asleep("park") or (w.owner, f"{w.tenant}/unpark", None),
    ("POST", f"{TENANT}/suspend"): lambda w: (w.platform, f"{w.tenant}/suspend", {"reason": WHY}),
    ("POST", f"{TENANT}/resume"): lambda w: w.asleep("suspend") or (w.platform, f"{w.tenant}/resume", None),
    ("POST", f"{TENANT}/move"): lambda w: (w.platform, f"{w.below()}/move", {"parent_tenant_id": None}),
    ("POST", f"{TENANT}/place"): lambda w: (w.owner, f"{w.below()}/place", {"unit_id": w.unit()}),
    ("POST", f"{TENANT}/units"): lambda w: (w.owner, f"{w.tenant}/units", {"level": "division", "name": "Asia"}),
    ("PATCH", f"{TENANT}/units/{{unit_id}}"): lambda w: (w.owner, f"{w.tenant}/units/{w.unit()}", {"name": "Asia"}),
    ("DELETE", f"{TENANT}/units/{{unit_id}}"): lambda w: (w.owner, f"{w.tenant}/units/{w.unit()}", None),
    ("PATCH", f"{TENANT}/limits"): lambda w: (w.platform, f"{w.tenant}/limits", {"concurrency": 5}),
    ("POST", f"{TENANT}/channels"): lambda w: (w.owner, f"{w.tenant}/channels", HOOK),
    ("DELETE", f"{TENANT}{CHANNEL}"): lambda w: (w.owner, w.channel(f"{w.tenant}/channels"), None),
    ("POST", f"{TENANT}{CHANNEL}{AGAIN}"): lambda w: (w.owner, w.delivery(f"{w.tenant}/channels"), None),
    ("POST", MINE): lambda w: (w.owner, MINE, HOOK),
    ("DELETE", f"{MINE}/{{channel_id}}"): lambda w: (w.owner, w.channel(MINE), None),
    ("POST", f"{MINE}/{{channel_id}}{AGAIN}"): lambda w: (w.owner, w.delivery(MINE), None),
    ("POST", "/api/jobs"): lambda w: (w.owner, "/api/jobs", make.submission()),
    ("POST", "/api/jobs/bulk"): lambda w: (w.owner, "/api/jobs/bulk", {"action": "cancel", "job_ids": [w.job()]}),
    ("PATCH", "/api/jobs/{job_id}"): lambda w: (w.owner, f"/api/jobs/{w.job()}", {"status": "cancelled"}),
    ("DELETE", "/api/jobs/{job_id}"): lambda w: (w.owner, f"/api/jobs/{w.job(ended=True)}", None),
    ("POST", "/api/jobs/{job_id}/retry"): lambda w: (
        w.owner,
        f"/api/jobs/{w.job(ended=True)}/retry",
        {"from_order": 1},
    ),
    ("POST", "/api/jobs/{job_id}/quality"): lambda w: (w.owner, f"{w.generation()}/quality", {"budget_limit": 1}),
    ("POST", "/api/jobs/{job_id}/exports"): lambda w: (w.owner, f"{w.generation()}/exports", {"format": "csv"}),
    ("POST", "/api/jobs/{job_id}/retry-records"): lambda w: (
        w.owner,
        f"{w.generation(steps=REFUSED)}/retry-records",
        None,
    ),
    ("POST", "/api/jobs/{job_id}/seed-data"): lambda w: (
        w.owner,
        f"{w.generation(start=False, seed_data_id=None)}/seed-data",
        RIVERS,
    ),
    ("POST", "/api/batches"): lambda w: (w.owner, "/api/batches", w.batch()),
    ("POST", "/api/templates"): lambda w: (w.owner, "/api/templates", TEMPLATE),
    ("POST", "/api/templates/import"): lambda w: (
        Client(w.owner.wsgi, w.owner.token, {"Content-Type": "application/yaml"}),
        "/api/templates/import",
        TEMPLATE,
    ),
    ("PUT", "/api/templates/{template_id}"): lambda w: (w.owner, w.template(), TEMPLATE),
    ("PATCH", "/api/templates/{template_id}"): lambda w: (w.owner, w.template(), {"is_public": True}),
    ("DELETE", "/api/templates/{template_id}"): lambda w: (w.owner, w.template(), None),
    ("POST", "/api/templates/{template_id}/fork"): lambda w: (w.owner, f"{w.template()}/fork", {}),
    ("POST", "/api/templates/{template_id}/restore"): lambda w: (w.owner, f"{w.edited()}/restore", {"version": 1}),
    ("POST", "/api/templates/{template_id}/test"): lambda w: (
        w.owner,
        f"{w.template()}/test",
        {"record": RIVERS[0], "real": True, "budget": 1},
    ),
    ("POST", "/api/seed-data"): lambda w: (w.owner, "/api/seed-data", RIVERS),
    ("POST", "/api/seed-data/generate"): lambda w: (
        w.owner,
        "/api/seed-data/generate",
        {"template_id": w.template().rpartition("/")[2], "count": 3},
    ),
    ("POST", "/api/seed-data/link"): lambda w: (w.owner, "/api/seed-data/link", {"name": "Rivers", "format": "csv"}),
    ("POST", "/api/seed-data/{seed_data_id}/complete"): lambda w: (w.owner, w.linked(), None),
    ("DELETE", "/api/seed-data/{seed_data_id}"): lambda w: (w.owner, w.seeds(), None),
    ("POST", "/api/jobs/{job_id}/clone"): lambda w: (w.owner, f"/api/jobs/{w.job()}/clone", None),
    ("POST", "/api/webhook"): lambda w: (w.robot(), "/api/webhook", payload(make.submission())),
    ("POST", "/api/webhook/{tenant_id}"): lambda w: (
        w.robot(),
        f"/api/webhook/{w.people.tenant_id}",
        payload(make.submission()),
    ),
    ("PATCH", f"{TENANT}/webhook"): lambda w: (w.owner, f"{w.tenant}/webhook", {"token": "of-the-forge"}),
    ("POST", f"{TENANT}/webhook/secret"): lambda w: (w.owner, f"{w.tenant}/webhook/secret", None),
    ("DELETE", f"{TENANT}/webhook/secret"): lambda w: (w.owner, w.hooked(), None),
}


THINGS = {
    ("POST", "/api/invitations/{token}/accept"): 2,
    ("POST", "/api/jobs/{job_id}/seed-data"): 2,
    ("POST", "/api/batches"): 3,
}
"""An acceptance ends the invitation and adds a member; a draft's file is seed data too; a batch has its jobs: each of
them is found in the history of its own."""


def test_every_change_is_walked():
    assert CHANGING - set(WAYS) == NOT_OF_A_TENANT | ONLY_LOOKING


@cache
def entries_of(route):
    """What the audit holds of a change, done once for all tests."""
    world = World()
    client, path, body = WAYS[route](world)
    asking = Client(client.wsgi, client.token, client.headers)
    reply = asking.send(route[0], path, body, headers={"X-Request-Id": REQUEST, "User-Agent": "a test"})
    assert reply.status < 300, reply.text
    return world.entries()


@pytest.mark.parametrize("route", sorted(WAYS), ids=" ".join)
def test_a_change_is_recorded_once(route):
    entries = entries_of(route)
    assert len({each["resource"] for each in entries}) == len(entries) == THINGS.get(route, 1)
    assert {(each["address"], each["user_agent"]) for each in entries} == {("192.0.2.1", "a test")}
    assert all(each["actor"] for each in entries)


def test_nothing_secret_is_in_the_audit():
    told = str([entries_of(route) for route in WAYS])
    assert [
        secret for secret in (PASSWORD, "another long password", "of-the-forge", "whsec_", "mr_") if secret in told
    ] == []


def test_a_refused_change_is_not_recorded():
    world = World()
    reply = world.people.viewer.post("/api/jobs", make.submission(), headers={"X-Request-Id": REQUEST})
    assert (reply.status, world.entries()) == (403, [])
