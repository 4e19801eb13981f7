"""From an invitation to a member, on both stores."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.accounts.invitations import answering, operations
from chalicelib.accounts.model import Role
from chalicelib.errors import Conflict, Unavailable
from tests.client import Client
from tests.mails import last_link, last_token, mails, text_of
from tests.people import ORIGIN, PASSWORD

pytestmark = pytest.mark.integration

NEW = "alan@bletchley.example"
KNOWN = "mallory@elsewhere.example"
WEEK = 7 * 24 * 3600


class Flow:
    def __init__(self, people):
        self.people = people
        self.ports = people.ports
        self.path = f"/api/tenants/{people.tenant_id}/invitations"

    def invite(self, email=NEW, role="operator", client=None):
        return (client or self.people.owner).post(self.path, {"email": email, "role": role})

    def token(self, email=NEW):
        return last_token(self.ports, email)

    def invited(self, email=NEW, role="operator"):
        """The invitation, with the token of its mail."""
        reply = self.invite(email, role)
        assert reply.status == 201, reply.text
        return reply.json["invitation_id"], self.token(email)

    def see(self, token):
        return self.people.nobody.get(f"/api/invitations/{token}")

    def accept(self, token, client=None, **body):
        return (client or self.people.nobody).post(f"/api/invitations/{token}/accept", body)

    def decline(self, token):
        return self.people.nobody.post(f"/api/invitations/{token}/decline")

    def resend(self, invitation_id):
        return self.people.owner.post(f"{self.path}/{invitation_id}/resend")

    def cancel(self, invitation_id):
        return self.people.owner.delete(f"{self.path}/{invitation_id}")

    def statuses(self, **query):
        given = "&".join(f"{name}={value}" for name, value in query.items())
        return [each["status"] for each in self.people.owner.get(f"{self.path}?{given}").json["items"]]

    def members(self):
        page = self.people.owner.get(f"/api/tenants/{self.people.tenant_id}/members").json
        return {each["email"]: each["role"] for each in page["items"]}


@pytest.fixture
def flow(people):
    return Flow(people)


def test_it_works(flow):
    _, token = flow.invited()
    accepted = flow.accept(token, password=PASSWORD)
    assert (accepted.status, accepted.json["organisation"], accepted.json["role"]) == (200, "Engines", "operator")
    assert flow.members()[NEW] == "operator"


def test_an_invitation_is_mailed_to_whom_it_is_for(flow):
    flow.invite()
    mail = mails(flow.ports)[-1]
    assert (mail["To"], mail["Subject"]) == (NEW, "ada@engines.example invites you to Engines")
    assert "as operator" in text_of(mail)


def test_the_link_of_the_mail_leads_to_the_page(flow):
    flow.invite()
    assert last_link(flow.ports, NEW).startswith("/invitations/")


def test_the_token_has_32_bytes_and_is_kept_as_a_hash(flow):
    invitation_id, token = flow.invited()
    stored = flow.ports.documents.query(f"tenant#{flow.people.tenant_id}#invitations").items
    assert len(token) == 43
    assert invitation_id in repr(stored)
    assert token not in repr(stored)


def test_no_answer_of_the_api_shows_the_token(flow):
    reply = flow.invite()
    assert flow.token() not in reply.text
    assert flow.token() not in flow.people.owner.get(flow.path).text


def test_an_invitation_is_seen_before_it_is_accepted(flow):
    _, token = flow.invited()
    shown = flow.see(token).json
    assert (shown["organisation"], shown["email"], shown["role"], shown["has_account"]) == (
        "Engines",
        NEW,
        "operator",
        False,
    )


def test_new_users_sign_up_in_the_same_step(flow):
    _, token = flow.invited()
    tokens = flow.accept(token, password=PASSWORD).json["tokens"]
    me = Client(flow.people.wsgi, tokens["access_token"]).get("/api/user").json
    assert (me["email"], me["organisation"], me["role"], me["email_verified"]) == (NEW, "Engines", "operator", True)


@pytest.mark.parametrize("body", [{}, {"password": "short"}])
def test_new_users_need_a_password(flow, body):
    _, token = flow.invited()
    reply = flow.accept(token, **body)
    assert (reply.status, [each["place"] for each in reply.json["fields"]]) == (400, ["password"])
    assert flow.statuses() == ["pending"]


def test_who_has_an_account_needs_none(flow):
    _, token = flow.invited(KNOWN)
    assert flow.see(token).json["has_account"] is True
    accepted = flow.accept(token)
    assert (accepted.status, accepted.json["tokens"]) == (200, None)
    assert flow.members()[KNOWN] == "operator"


def test_a_password_that_is_given_must_be_right(flow):
    _, token = flow.invited(KNOWN)
    assert flow.accept(token, password="something else").status == 401
    assert KNOWN not in flow.members()


def test_whoever_is_signed_in_as_the_invited_accepts(flow):
    _, token = flow.invited(KNOWN)
    assert flow.accept(token, flow.people.stranger).status == 200


def test_somebody_else_who_is_signed_in_does_not(flow):
    _, token = flow.invited(KNOWN)
    assert flow.accept(token, flow.people.viewer).status == 403
    assert KNOWN not in flow.members()


def test_a_member_of_several_organisations_names_one(flow):
    _, token = flow.invited(KNOWN, "viewer")
    flow.accept(token)
    elsewhere = flow.people.stranger.get("/api/user").json
    here = flow.people.stranger.get("/api/user", headers={"X-Tenant-Id": flow.people.tenant_id}).json
    assert [(each["organisation"], each["role"]) for each in (elsewhere, here)] == [
        ("Elsewhere", "admin"),
        ("Engines", "viewer"),
    ]


def test_an_invitation_works_once(flow):
    _, token = flow.invited()
    flow.accept(token, password=PASSWORD)
    assert [flow.accept(token).status, flow.decline(token).status, flow.see(token).status] == [409, 409, 409]


def test_declining(flow):
    _, token = flow.invited()
    assert flow.decline(token).status == 204
    assert flow.statuses() == ["declined"]
    assert flow.accept(token, password=PASSWORD).status == 409


def test_an_invitation_lasts_a_week(flow):
    _, token = flow.invited()
    flow.ports.clock.tick(WEEK - 1)
    assert flow.see(token).status == 200
    flow.ports.clock.tick(1)
    flow.people.owner.token = login(flow)
    assert [flow.see(token).status, flow.accept(token).status, flow.decline(token).status] == [410, 410, 410]
    assert flow.statuses() == ["expired"]


def login(flow):
    body = {"email": "ada@engines.example", "password": PASSWORD}
    return flow.people.nobody.post("/api/login", body).json["access_token"]


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "..", "a%2Fb", "%C3%A9"])
def test_an_unknown_invitation_is_not_found(flow, token):
    assert flow.people.nobody.get(f"/api/invitations/{token}").status == 404


def test_cancelling(flow):
    invitation_id, token = flow.invited()
    assert flow.cancel(invitation_id).status == 204
    assert flow.statuses() == ["cancelled"]
    assert flow.accept(token, password=PASSWORD).status == 409


def test_what_is_over_cannot_be_cancelled(flow):
    invitation_id, token = flow.invited()
    flow.decline(token)
    assert flow.cancel(invitation_id).status == 409


def test_sending_again_gives_a_new_link_and_a_new_week(flow):
    invitation_id, first = flow.invited()
    flow.ports.clock.tick(60)
    reply = flow.resend(invitation_id)
    assert (reply.status, reply.json["resends"], reply.json["expires_at"]) == (200, 1, "2026-11-27T12:01:00Z")
    assert flow.token() != first


def test_the_link_of_before_does_not_work_any_more(flow):
    invitation_id, first = flow.invited()
    flow.resend(invitation_id)
    assert flow.see(first).status == 404
    assert flow.accept(flow.token(), password=PASSWORD).status == 200


def test_it_is_sent_again_three_times(flow):
    invitation_id, _ = flow.invited()
    assert [flow.resend(invitation_id).status for _ in range(4)] == [200, 200, 200, 422]


def test_what_has_expired_can_be_sent_again(flow):
    invitation_id, _ = flow.invited()
    flow.ports.clock.tick(WEEK)
    flow.people.owner.token = login(flow)
    assert flow.resend(invitation_id).status == 200
    assert flow.accept(flow.token(), password=PASSWORD).status == 200


def test_what_is_over_is_not_sent_again(flow):
    invitation_id, token = flow.invited()
    flow.decline(token)
    assert flow.resend(invitation_id).status == 409


@pytest.mark.parametrize("email", [NEW, NEW.upper(), f" {NEW} "])
def test_an_address_has_one_pending_invitation(flow, email):
    flow.invite()
    reply = flow.invite(email)
    assert (reply.status, reply.json["type"]) == (409, "/api/docs#already-invited")


def test_a_member_is_not_invited(flow):
    reply = flow.invite("grace@engines.example")
    assert (reply.status, reply.json["type"]) == (409, "/api/docs#already-member")


@pytest.mark.parametrize("over", ["decline", "cancel", "expire"])
def test_an_address_is_invited_anew_when_the_last_one_is_over(flow, over):
    invitation_id, token = flow.invited()
    if over == "decline":
        flow.decline(token)
    elif over == "cancel":
        flow.cancel(invitation_id)
    else:
        flow.ports.clock.tick(WEEK)
        flow.people.owner.token = login(flow)
    assert flow.invite().status == 201


def test_an_older_invitation_is_not_sent_again_beside_a_newer_one(flow):
    first, _ = flow.invited()
    flow.ports.clock.tick(WEEK)
    flow.people.owner.token = login(flow)
    flow.invite()
    assert flow.resend(first).status == 409


def test_accepted_invitations_stay_in_the_history(flow):
    _, token = flow.invited()
    flow.accept(token, password=PASSWORD)
    item = flow.people.owner.get(flow.path).json["items"][0]
    assert (item["status"], item["email"], item["ended_at"]) == ("accepted", NEW, "2026-11-20T12:00:00Z")


def test_the_list_is_filtered_and_paged_newest_first(flow):
    for number in range(3):
        flow.invited(f"n{number}@engines.example")
    flow.decline(flow.token("n1@engines.example"))
    first = flow.people.owner.get(f"{flow.path}?limit=2").json
    rest = flow.people.owner.get(f"{flow.path}?limit=2&cursor={first['cursor']}").json
    emails = [each["email"].partition("@")[0] for each in first["items"] + rest["items"]]
    assert (emails, flow.statuses(status="pending")) == (["n2", "n1", "n0"], ["pending", "pending"])


def test_what_is_no_address_is_not_invited(flow):
    assert flow.invite("nobody").status == 400


@pytest.mark.parametrize("role", ["owner", "platform_admin", "", None])
def test_what_is_no_role_is_not_given(flow, role):
    assert flow.invite(role=role).status == 400


def test_only_admins_invite(flow):
    statuses = [flow.invite(client=each).status for each in (flow.people.teammate, flow.people.viewer)]
    assert statuses == [403, 403]
    assert flow.invite(client=flow.people.stranger).status == 404


def test_nobody_joins_a_parked_organisation(flow):
    _, token = flow.invited()
    park = {"reason": "Closed over the summer"}
    assert flow.people.owner.post(f"/api/tenants/{flow.people.tenant_id}/park", park).status == 200
    assert flow.accept(token, password=PASSWORD).status == 403
    assert NEW not in flow.members()


def test_an_invitation_whose_mail_failed_is_none(flow):
    outbox = flow.ports.settings.data / "outbox"
    shutil.rmtree(outbox, ignore_errors=True)
    outbox.write_text("in the way")
    caller = flow.people.caller(flow.people.owner)
    with pytest.raises(Unavailable):
        operations.invite(flow.ports, caller, flow.people.tenant_id, email=NEW, role=Role.VIEWER)
    assert flow.statuses() == []


def test_what_was_done_is_in_the_audit(flow):
    invitation_id, _ = flow.invited()
    flow.resend(invitation_id)
    flow.accept(flow.token(), password=PASSWORD)
    kept = flow.ports.documents.query(f"audit#{flow.people.tenant_id}").items
    told = [(each.body["action"], each.body["actor"]) for each in kept if "invitation" in each.body["action"]]
    assert told == [
        ("invitation.create", "ada@engines.example"),
        ("invitation.resend", "ada@engines.example"),
        ("invitation.accept", NEW),
    ]


@pytest.mark.parametrize("email", [NEW, KNOWN])
def test_of_fifty_that_accept_at_once_one_wins(flow, email):
    _, token = flow.invited(email)
    password = PASSWORD if email == NEW else ""

    def accept(_):
        try:
            answering.accept(flow.ports, token, password=password, origin=ORIGIN)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        won = list(pool.map(accept, range(50)))
    assert (won.count(True), flow.members()[email], flow.statuses()) == (1, "operator", ["accepted"])


def test_of_accepting_and_cancelling_at_once_one_wins(flow):
    invitation_id, token = flow.invited(KNOWN)
    with ThreadPoolExecutor(2) as pool:
        accepted = pool.submit(flow.accept, token).result().status
        cancelled = pool.submit(flow.cancel, invitation_id).result().status
    assert sorted([accepted, cancelled]) in ([200, 409], [204, 409])
    assert (KNOWN in flow.members()) is (accepted == 200)
