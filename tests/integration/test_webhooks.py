"""Webhooks over real sockets."""

import base64
import hashlib
import hmac
import json

import pytest

from chalicelib.accounts.tenants import store as tenants
from chalicelib.accounts.tenants.model import Tenant
from chalicelib.notifications import delivering, operations
from chalicelib.notifications.model import ChannelKind, DeliveryStatus, NoticeKind
from chalicelib.outbound import NotSent, post
from tests import make
from tests.engine import Engine

pytestmark = pytest.mark.integration

ME = make.caller()


@pytest.fixture
def ports():
    ports = make.ports(MILLRACE_WEBHOOK_HOSTS="127.0.0.1")
    tenant = Tenant(tenant_id="acme", organisation="Acme", created_at=ports.clock.now())
    ports.documents.transact(tenants.creation(tenant))
    return ports


def hook(ports, url):
    events = [NoticeKind.JOB_FINISHED, NoticeKind.JOB_FAILED]
    return operations.create(ports, ME, kind=ChannelKind.WEBHOOK, target=url, events=events, personal=False)


def end_a_job(ports):
    engine = Engine(ports)
    job_id = engine.submit(name="Nightly")
    engine.look(job_id)
    engine.end(job_id, 1)
    return job_id


def only_delivery(ports, channel):
    [found] = operations.list_deliveries(ports, ME, channel.channel_id, personal=False).items
    return found


def test_a_webhook_is_signed(ports, receiver):
    _, secret = hook(ports, f"http://127.0.0.1:{receiver.port}/hook?who=me")
    job_id = end_a_job(ports)
    delivering.deliver(ports)
    [(path, headers, body)] = receiver.received
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert (path, headers["webhook-signature"]) == ("/hook?who=me", f"v1,{wanted}")
    told = json.loads(body)
    assert (told["type"], told["data"]["job_id"], told["data"]["status"]) == ("job.finished", job_id, "succeeded")


def test_a_failed_one_is_sent_again_under_the_same_id(ports, receiver):
    channel, _ = hook(ports, f"http://127.0.0.1:{receiver.port}/hook")
    receiver.answers = [500, 200]
    end_a_job(ports)
    for pause in (0, 4, 1):
        ports.clock.tick(pause)
        delivering.deliver(ports)
    sent = only_delivery(ports, channel)
    assert [headers["webhook-id"] for _, headers, _ in receiver.received] == [sent.delivery_id] * 2
    assert [each.answer for each in sent.tries] == [500, 200]


def test_a_redirect_is_not_followed(ports, receiver):
    channel, _ = hook(ports, f"http://127.0.0.1:{receiver.port}/hook")
    receiver.answers = [307]
    end_a_job(ports)
    delivering.deliver(ports)
    assert [path for path, _, _ in receiver.received] == ["/hook"]
    assert only_delivery(ports, channel).status is DeliveryStatus.PENDING


def test_a_receiver_that_is_gone_pauses_its_channel(ports, receiver):
    channel, _ = hook(ports, f"http://127.0.0.1:{receiver.port}/hook")
    receiver.answers = [410]
    end_a_job(ports)
    delivering.deliver(ports)
    [paused] = operations.list_channels(ports, ME, personal=False)
    assert (only_delivery(ports, channel).status, "410" in paused.paused) == (DeliveryStatus.FAILED, True)
    end_a_job(ports)
    delivering.deliver(ports)
    assert len(receiver.received) == 1


def test_sending_again_wakes_a_paused_channel(ports, receiver):
    channel, _ = hook(ports, f"http://127.0.0.1:{receiver.port}/hook")
    receiver.answers = [410, 200]
    end_a_job(ports)
    delivering.deliver(ports)
    operations.redeliver(ports, ME, channel.channel_id, only_delivery(ports, channel).delivery_id, personal=False)
    delivering.deliver(ports)
    [awake] = operations.list_channels(ports, ME, personal=False)
    assert (only_delivery(ports, channel).status, awake.paused) == (DeliveryStatus.DELIVERED, "")


def test_nobody_listening_is_told(ports):
    channel, _ = hook(ports, "http://127.0.0.1:1/hook")
    end_a_job(ports)
    delivering.deliver(ports)
    assert "cannot be reached" in only_delivery(ports, channel).tries[0].fault


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"])
def test_what_only_resolving_shows_to_be_private_is_refused(host):
    with pytest.raises(NotSent, match=r"127\.0\.0\.1, which is not a public address"):
        post(f"https://{host}/hook", b"{}", {}, allowed=frozenset())


def test_what_cannot_be_resolved_is_told():
    with pytest.raises(NotSent, match="cannot be resolved"):
        post("https://nothing.invalid/hook", b"{}", {}, allowed=frozenset())
