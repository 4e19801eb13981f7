import base64
import hashlib
import hmac
from datetime import timedelta

import pytest

from chalicelib.accounts import store as members
from chalicelib.accounts.model import Member, Role
from chalicelib.accounts.tenants import store as tenants
from chalicelib.accounts.tenants.model import Tenant
from chalicelib.documents import Delete, Index
from chalicelib.errors import Invalid, NotAllowed, NotFound
from chalicelib.jobs.model import OrderStatus
from chalicelib.notifications import delivering, notices, operations, signing, store
from chalicelib.notifications.model import ChannelKind, Delivery, DeliveryStatus, NoticeKind, Try
from tests import make
from tests.engine import Engine

ME = make.caller()
BOTH = [NoticeKind.JOB_FINISHED, NoticeKind.JOB_FAILED]


@pytest.fixture
def ports():
    ports = make.ports()
    tenant = Tenant(tenant_id="acme", organisation="Acme", created_at=ports.clock.now())
    me = Member(ME.user_id, ME.email, "acme", Role.ADMIN, ports.clock.now())
    ports.documents.transact([*tenants.creation(tenant), members.put_member(me)])
    return ports


@pytest.fixture
def engine(ports):
    return Engine(ports)


def mail_channel(ports, *, personal=False, caller=ME, events=BOTH, target="ada@acme.example"):
    made, _ = operations.create(ports, caller, kind=ChannelKind.EMAIL, target=target, events=events, personal=personal)
    return made


def hook(ports, url="https://127.0.0.1:1/hook", **more):
    return operations.create(ports, ME, kind=ChannelKind.WEBHOOK, target=url, events=BOTH, personal=False, **more)


def end_a_job(engine, status=OrderStatus.SUCCEEDED, **fields):
    job_id = engine.submit(**fields)
    engine.look(job_id)
    engine.end(job_id, 1, status)
    return job_id


def deliveries(ports, channel, *, personal=False, caller=ME):
    return operations.list_deliveries(ports, caller, channel.channel_id, personal=personal).items


def mails(ports):
    return [path.read_text() for path in sorted((ports.settings.data / "outbox").iterdir())]


def test_the_end_of_a_job_is_mailed(ports, engine):
    channel = mail_channel(ports)
    job_id = end_a_job(engine, name="Nightly")
    delivering.deliver(ports)
    [mail] = mails(ports)
    assert "Subject: Nightly: succeeded" in mail
    assert f"/jobs/{job_id}" in mail
    assert [each.status for each in deliveries(ports, channel)] == [DeliveryStatus.DELIVERED]


@pytest.mark.parametrize(
    ("status", "kind"), [(OrderStatus.SUCCEEDED, "job.finished"), (OrderStatus.FAILED, "job.failed")]
)
def test_a_channel_gets_what_it_asked_for(ports, engine, status, kind):
    channels = [mail_channel(ports, events=[each]) for each in BOTH]
    end_a_job(engine, status)
    delivering.deliver(ports)
    assert [each.event for channel in channels for each in deliveries(ports, channel)] == [kind]


def test_without_channels_nothing_is_written(ports, engine):
    end_a_job(engine)
    assert not ports.documents.query_index(Index.THIRD, notices.OPEN_NOTICES).items


def test_a_channel_of_one_s_own_gets_what_is_about_oneself(ports, engine):
    mine = mail_channel(ports, personal=True)
    end_a_job(engine, username="grace@acme.example")
    end_a_job(engine)
    delivering.deliver(ports)
    assert len(deliveries(ports, mine, personal=True)) == 1


def test_who_left_is_told_nothing_more(ports, engine):
    mine = mail_channel(ports, personal=True)
    ports.documents.transact([Delete(members.member_key(ME.user_id, "acme"))])
    end_a_job(engine)
    delivering.deliver(ports)
    assert deliveries(ports, mine, personal=True) == []


def test_two_workers_dispatch_a_notice_once(ports, engine):
    channel = mail_channel(ports)
    end_a_job(engine)
    [document] = ports.documents.query_index(Index.THIRD, notices.OPEN_NOTICES).items
    for _ in range(2):
        delivering._dispatch(ports, document)
    assert len(deliveries(ports, channel)) == 1


def test_two_workers_send_one_delivery_once(ports, engine):
    mail_channel(ports)
    end_a_job(engine)
    delivering._dispatch(ports, ports.documents.query_index(Index.THIRD, notices.OPEN_NOTICES).items[0])
    [due] = store.due_deliveries(ports.documents, ports.clock.now(), limit=10)
    for _ in range(2):
        delivering._deliver_one(ports, due)
    assert len(mails(ports)) == 1


def test_what_a_crashed_worker_held_is_sent_by_another(ports, engine):
    mail_channel(ports)
    end_a_job(engine)
    delivering._dispatch(ports, ports.documents.query_index(Index.THIRD, notices.OPEN_NOTICES).items[0])
    [due] = store.due_deliveries(ports.documents, ports.clock.now(), limit=10)
    ports.documents.transact([store.put_delivery(delivering.claimed(due, ports.clock.now()))])
    delivering.deliver(ports)
    assert not (ports.settings.data / "outbox").exists()
    ports.clock.tick(delivering.LEASE.total_seconds())
    delivering.deliver(ports)
    assert len(mails(ports)) == 1


def test_a_private_address_is_refused_when_it_is_given(ports):
    with pytest.raises(Invalid) as refusal:
        hook(ports)
    assert [each.place for each in refusal.value.faults] == ["target"]


@pytest.mark.parametrize("target", ["grace@acme.example", "nobody", ""])
def test_mail_of_one_s_own_goes_to_one_s_own_address(ports, target):
    with pytest.raises(Invalid):
        mail_channel(ports, personal=True, target=target)


def test_operators_have_their_own_channels_only(ports):
    operator = make.caller(role=Role.OPERATOR)
    with pytest.raises(NotAllowed):
        mail_channel(ports, caller=operator)
    own = mail_channel(ports, caller=operator, personal=True)
    assert operations.list_channels(ports, operator, personal=True) == [own]


def test_nobody_sees_another_s_channel(ports):
    channel = mail_channel(ports, personal=True)
    grace = make.caller(user_id="grace", email="grace@acme.example")
    assert operations.list_channels(ports, grace, personal=True) == []
    for act in (operations.delete, operations.list_deliveries):
        with pytest.raises(NotFound):
            act(ports, grace, channel.channel_id, personal=True)


def test_a_deleted_channel_gets_nothing_more(ports, engine):
    channel = mail_channel(ports)
    operations.delete(ports, ME, channel.channel_id, personal=False)
    end_a_job(engine)
    delivering.deliver(ports)
    assert not (ports.settings.data / "outbox").exists()


def test_a_secret_is_sealed(ports):
    channel, secret = hook(ports, url="https://example.org/hook")
    assert secret.startswith("whsec_")
    assert secret not in str(ports.documents.get(store.channel_key("acme", channel.channel_id)))


def test_the_signature_of_the_standard(clock):
    secret = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
    headers = signing.headers(secret, "msg_1", clock.now(), b"{}")
    signed = f"msg_1.{headers['webhook-timestamp']}.{{}}".encode()
    wanted = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"


def delivery(clock, **more):
    return Delivery(
        delivery_id="msg_1",
        tenant_id="acme",
        channel_id="c",
        kind=ChannelKind.WEBHOOK,
        target="https://example.org",
        event=NoticeKind.JOB_FAILED,
        data={},
        created_at=clock.now(),
        **more,
    )


@pytest.mark.parametrize("answer", [200, 201, 204, 299])
def test_any_2xx_is_a_success(clock, answer):
    after = delivering.settled(delivery(clock), Try(at=clock.now(), answer=answer))
    assert (after.status, after.next_at) == (DeliveryStatus.DELIVERED, None)


@pytest.mark.parametrize("answer", [None, 301, 302, 307, 400, 404, 429, 500, 503])
def test_all_else_is_tried_again_and_redirects_are_not_followed(clock, answer):
    after = delivering.settled(delivery(clock), Try(at=clock.now(), answer=answer, fault="no"))
    assert (after.status, after.next_at) == (DeliveryStatus.PENDING, clock.now() + timedelta(seconds=5))


def test_the_pauses_grow_until_it_failed(clock):
    current, pauses = delivery(clock), []
    while current.status is DeliveryStatus.PENDING:
        current = delivering.settled(current, Try(at=clock.now(), answer=500))
        pauses += [current.next_at - clock.now()] if current.next_at else []
    assert pauses == list(delivering.PAUSES) == sorted(pauses)
    assert current.status is DeliveryStatus.FAILED


def test_a_receiver_that_is_gone_is_not_asked_again(clock):
    assert delivering.settled(delivery(clock), Try(at=clock.now(), answer=410)).status is DeliveryStatus.FAILED


def test_one_tenant_s_deliveries_do_not_keep_another_s_waiting(clock):
    due = [delivery(clock) for _ in range(5)]
    other = Delivery(**{**{name: getattr(due[0], name) for name in due[0].__slots__}, "tenant_id": "other"})
    assert delivering.fairly([*due, other]).index(other) == 1


def test_sending_again_starts_anew_under_the_same_id(ports, engine):
    channel = mail_channel(ports)
    end_a_job(engine)
    delivering.deliver(ports)
    [first] = deliveries(ports, channel)
    operations.redeliver(ports, ME, channel.channel_id, first.delivery_id, personal=False)
    delivering.deliver(ports)
    [again] = deliveries(ports, channel)
    assert (again.delivery_id, len(again.tries), len(mails(ports))) == (first.delivery_id, 2, 2)


def test_channels_over_rest(people):
    address = f"/api/tenants/{people.tenant_id}/channels"
    body = {"kind": "webhook", "target": "https://example.org/hook", "events": ["job.failed"]}
    made = people.owner.post(address, body)
    assert (made.status, made.json["secret"][:6]) == (201, "whsec_")
    [shown] = people.owner.get(address).json["items"]
    assert "secret" not in shown
    assert people.teammate.get(address).status == 403
    assert people.owner.delete(f"{address}/{shown['channel_id']}").status == 204


def test_my_channels_over_rest(people):
    body = {"kind": "email", "target": "edsger@engines.example", "events": ["job.finished"]}
    made = people.viewer.post("/api/user/channels", body)
    assert made.status == 201
    assert people.owner.get("/api/user/channels").json["items"] == []
    address = f"/api/user/channels/{made.json['channel_id']}"
    assert people.viewer.get(f"{address}/deliveries").json["items"] == []
    assert people.owner.delete(address).status == 404
