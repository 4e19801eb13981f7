"""A posted job from its delivery to its end, as P6.1 of the seed has it, through the functions that AWS calls."""

import orjson
import pytest

from chalicelib import handlers
from chalicelib.jobs import places
from chalicelib.jobs.model import JobStatus
from tests import make
from tests.far import CONTEXT
from tests.posting import REPOSITORY, pull_request

pytestmark = pytest.mark.integration
VALUE = "s3cr3t-value-77"
ORDERS = (
    make.order("order-1", secrets={"PASSWORD": VALUE}),
    make.order("order-2"),
    make.order("order-3", after=["order-1", "order-2"]),
)


@pytest.fixture
def run_id(posted):
    return posted.post(make.submission(*ORDERS, git_repo=REPOSITORY, pr_number=7))["run_id"]


def begin(posted, run_id):
    posted.call_back(places.trigger_key(run_id))


def marker(posted, run_id):
    return orjson.loads(posted.ports.done.get(f"{run_id}/done"))


def test_a_run_goes_from_its_delivery_to_its_end(posted, run_id):
    assert posted.statuses(run_id) == ["queued", "queued", "queued"]
    assert posted.ports.objects.info(places.trigger_key(run_id))

    begin(posted, run_id)
    assert posted.statuses(run_id) == ["running", "running", "queued"]

    posted.complete(run_id, 1)
    assert posted.statuses(run_id) == ["succeeded", "running", "queued"]

    posted.complete(run_id, 2)
    assert posted.statuses(run_id) == ["succeeded", "succeeded", "running"]

    posted.complete(run_id, 3)
    posted.take_notices()
    assert posted.statuses(run_id) == ["succeeded"] * 3
    assert posted.job(run_id).status is JobStatus.SUCCEEDED
    assert posted.events(run_id, "_job")[-1].kind == "job.succeeded"
    assert marker(posted, run_id)["status"] == "succeeded"
    assert marker(posted, run_id)["summary"]["succeeded"] == 3
    assert posted.lock(run_id).body["owner"] == ""


def test_the_comment_follows_the_run(posted, run_id, host):
    said = [host.texts[0]]
    posted.ports.clock.tick(5)
    begin(posted, run_id)
    for number in (1, 2, 3):
        posted.take_notices()
        said += host.texts
        posted.complete(run_id, number)
    posted.take_notices()
    said += host.texts
    states = ["queued", "running", "running", "running", "succeeded"]
    assert [text.split("\n")[1].rsplit(" ", 1)[1] for text in said] == states
    assert "| 0001 | `order-1` | succeeded |" in said[2]
    assert (len(host.comments), len(set(said))) == (1, 5)
    assert host.methods == ["POST", "PATCH", "PATCH", "PATCH", "PATCH"]


def test_no_secret_lies_in_the_bucket_in_clear_and_its_keys_go(posted, run_id):
    begin(posted, run_id)
    objects = posted.ports.objects
    contents = [objects.get(each.key) for each in objects.list("tmp/")]
    assert all(VALUE.encode() not in each for each in contents)
    assert objects.list(places.keys_prefix(run_id))
    for number in (1, 2, 3):
        posted.complete(run_id, number)
    posted.take_notices()
    assert objects.list(places.keys_prefix(run_id)) == []


def test_a_run_whose_wake_ups_are_all_lost_is_told_by_the_schedule(posted, run_id, host):
    begin(posted, run_id)
    for number in (1, 2, 3):
        posted.complete(run_id, number)
    handlers.on_schedule(posted.ports, {}, CONTEXT)
    assert marker(posted, run_id)["status"] == "succeeded"
    assert "is succeeded" in host.texts[0]


def test_the_end_is_told_at_a_key_of_the_submitter_s_own(posted):
    bucket, tenant_id = posted.ports.settings.done_bucket, posted.me.tenant_id
    asked = f"s3://{bucket}/{tenant_id}/nightly.json"
    answer = posted.post(make.submission(), done_endpt=asked)
    begin(posted, answer["run_id"])
    posted.complete(answer["run_id"], 1)
    posted.take_notices()
    told = orjson.loads(posted.ports.done.get(f"{tenant_id}/nightly.json"))
    assert (answer["done_endpt"], told["status"]) == (asked, "succeeded")


@pytest.mark.parametrize(
    "asked",
    [
        "s3://somebody/else",
        "s3://{bucket}/other/done",
        "s3://{bucket}/{tenant}/../done",
        "s3://[",
        "s3://{bucket}/{tenant}/",
    ],
)
def test_the_end_is_told_at_nobody_else_s(posted, asked):
    place = asked.format(bucket=posted.ports.settings.done_bucket, tenant=posted.me.tenant_id)
    assert "done_endpt" in posted.post(make.submission(), done_endpt=place)["errors"][0]


def test_a_pull_request_of_github_runs_to_its_end(posted, host):
    posted.set_up("orders:\n- {order_name: test, cmds: [make test], timeout: 600}\n")
    data = pull_request(number=12)
    del data["pull_request"]["head"]["sha"]
    run_id = posted.deliver(data, event="pull_request")["run_id"]
    begin(posted, run_id)
    posted.complete(run_id, 1)
    posted.take_notices()
    assert host.calls[0] == ("POST", "/repos/acme/app/issues/12/comments")
    assert "is succeeded" in host.texts[0]
    assert marker(posted, run_id)["status"] == "succeeded"


def test_the_run_of_a_failed_order_says_so(posted, run_id):
    begin(posted, run_id)
    posted.complete(run_id, 1, "failed")
    posted.complete(run_id, 2)
    posted.take_notices()
    told = marker(posted, run_id)
    assert (told["status"], told["summary"]["failed"], told["summary"]["succeeded"]) == ("failed", 2, 1)
