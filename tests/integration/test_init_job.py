"""A posted job begins, as P6.1 of the seed has it: on an emulated AWS, with comments over real HTTP.

Encryption is the real one (age), so that there is none to mock; it happens when an order is handed out.
"""

import io
import json
import zipfile

import pytest

from chalicelib.jobs import places
from chalicelib.jobs.flows import Flow, read_flow_id
from tests import make
from tests.far import zipped
from tests.posting import REPOSITORY

pytestmark = pytest.mark.integration
VALUE = "s3cr3t-value-77"


@pytest.fixture
def location(posted):
    """Code that the submitter keeps in a bucket."""
    posted.ports.objects.put("theirs/code.zip", zipped({"main.sh": b"echo built\n"}, executable=("main.sh",)))
    return f"s3://{posted.ports.settings.bucket}/theirs/code.zip"


@pytest.fixture
def job(location):
    orders = [
        make.order(name, cmds=["./main.sh"], timeout=60, s3_location=location, secrets={"PASSWORD": VALUE})
        for name in ("build", "test")
    ]
    return make.submission(*orders, username="octocat", git_repo=REPOSITORY, pr_number=7)


@pytest.fixture
def answer(posted, job):
    return posted.post(job)


def test_the_answer_names_the_run(answer, posted):
    run_id = answer["run_id"]
    assert answer["status"] == "ok"
    assert read_flow_id(answer["flow_id"]) == Flow("octocat", answer["trace_id"], "exec")
    assert answer["done_endpt"] == f"s3://{posted.ports.settings.done_bucket}/{run_id}/done"
    assert answer["pr_search_tag"] == f"millrace-{run_id}"


def test_both_orders_are_queued(answer, posted):
    assert posted.statuses(answer["run_id"]) == ["queued", "queued"]


def test_each_order_has_its_bundle(answer, posted):
    for number in (1, 2):
        content = posted.ports.objects.get(f"tmp/exec/{answer['run_id']}/{number:04d}/exec.zip")
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
        assert {"order.json", "code/main.sh"} <= set(names)


def test_a_bundle_names_its_secrets_and_holds_none(answer, posted):
    bundle = posted.bundle(answer["run_id"])
    assert json.loads(bundle.read("order.json"))["variables"] == ["PASSWORD"]
    assert all(VALUE.encode() not in bundle.read(name) for name in bundle.namelist())


def test_the_trigger_is_written(answer, posted):
    key = f"tmp/callbacks/runs/{answer['run_id']}/0000/result.json"
    assert posted.ports.objects.get(key) == b"{}"
    assert places.trigger_key(answer["run_id"]) == key


def test_the_event_of_the_whole_job_is_written(answer, posted):
    (event,) = posted.events(answer["run_id"], "_job")
    assert (event.kind, event.message) == ("job.submitted", f"leg {answer['trace_id']}:1795176000")


def test_the_comment_is_made_once_and_right(answer, posted, host):
    assert host.calls == [("POST", "/repos/acme/app/issues/7/comments")]
    (text,) = host.texts
    assert text == answer["init_pr_comment"]
    assert all(each in text for each in (answer["pr_search_tag"], answer["run_id"], answer["flow_id"]))
    assert all(each in text for each in ("| 0001 | `build` | queued |", "| 0002 | `test` | queued |"))


def test_the_token_goes_to_the_host_alone(answer, posted, host):
    assert host.tokens == [f"Bearer {posted.TOKEN}"]
    assert posted.TOKEN not in json.dumps(answer)


def test_a_host_that_is_down_keeps_no_job_from_beginning(posted, job, host):
    host.sick = [503]
    answer = posted.post(job)
    assert (answer["status"], host.texts) == ("ok", [])
    posted.ports.clock.tick(5)
    posted.take_notices()
    assert len(host.texts) == 1


def test_a_token_may_lie_in_parameter_store(posted, job, host, aws):
    aws("ssm").put_parameter(Name="/ci/token", Value="ghp_theirs", Type="SecureString")
    posted.post({**job, "git_token_location": "/ci/token"})
    assert host.tokens == ["Bearer ghp_theirs"]


def test_a_token_may_lie_in_secrets_manager(posted, job, host, aws):
    aws("secretsmanager").create_secret(Name="ci-token", SecretString="ghp_secret")
    posted.post({**job, "git_token_location": "ci-token"})
    assert host.tokens == ["Bearer ghp_secret"]


def test_code_that_is_not_there_is_told_and_nothing_is_stored(posted, job, host):
    job["orders"][0]["s3_location"] = f"s3://{posted.ports.settings.bucket}/theirs/none.zip"
    answer = posted.post(job, run_id="nightly20261120")
    assert (answer["status"], "theirs/none.zip" in answer["errors"][0], host.calls) == ("error", True, [])


def test_a_delivery_that_comes_again_makes_nothing_new(posted, job, host):
    first, again = (posted.post(job, delivery="d-1") for _ in range(2))
    assert (again, len(host.calls)) == (first, 1)
