"""The twelve defects of the predecessor that must not come back, on the adapters of AWS."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import handlers
from chalicelib.errors import Invalid
from chalicelib.jobs import lock, operations, places, store
from chalicelib.jobs.bundles.git import CannotFetch
from chalicelib.jobs.lock import LEASE
from chalicelib.jobs.model import JobStatus, OrderStatus
from chalicelib.jobs.submission import parse_submission
from chalicelib.work.opening import open_values
from tests import make
from tests.far import CONTEXT, FarHome, created

pytestmark = pytest.mark.integration
DONE = b'{"status": "succeeded", "log": ""}'


def finish(far: FarHome, job_id: str, number: int, result: bytes = DONE, *, attempt: int = 1) -> None:
    far.leave(job_id, number, result, attempt=attempt)
    handlers.on_callbacks(far.ports, created(places.result_key(job_id, number, attempt)), CONTEXT)


def kinds(far: FarHome, job_id: str) -> list[str]:
    return [each.kind for each in operations.list_events(far.ports, far.me, job_id).items]


def test_1_a_completion_while_the_lock_is_held_is_not_lost(far: FarHome) -> None:
    job_id = far.submit()
    held = lock.acquire(far.ports.documents, far.ports.clock, job_id, owner="another")
    assert held is not None
    finish(far, job_id, 1)
    assert far.job(job_id).status is JobStatus.RUNNING
    assert lock.release(far.ports.documents, held) is False, "the holder is told to look again"
    assert lock.release(far.ports.documents, held) is True
    far.orchestrator.look(job_id)
    assert far.job(job_id).status is JobStatus.SUCCEEDED


def test_1_a_completion_before_its_order_is_marked_running_is_not_lost(far: FarHome) -> None:
    quick = Quick(far)
    far.change(providers=dict.fromkeys(far.ports.providers, quick))
    job_id = far.submit()
    assert quick.status_then is OrderStatus.DISPATCHING
    assert far.job(job_id).status is JobStatus.SUCCEEDED


class Quick:
    """A provider whose orders have ended before it has answered."""

    def __init__(self, far: FarHome) -> None:
        self._far = far
        self.status_then: OrderStatus | None = None

    def start(self, parcel: Any) -> str:
        job_id = parcel.name.split("-")[0]
        self.status_then = self._far.order(job_id).status
        finish(self._far, job_id, 1)
        return "handle"


def test_2_nobody_releases_the_lock_of_another(far: FarHome) -> None:
    job_id = far.submit()
    first = lock.acquire(far.ports.documents, far.ports.clock, job_id, owner="first")
    far.ports.clock.tick(LEASE.total_seconds() + 1)
    second = lock.acquire(far.ports.documents, far.ports.clock, job_id, owner="second")
    assert first is not None
    assert second is not None
    lock.release(far.ports.documents, first)
    found = far.ports.documents.get(store.lock_key(job_id))
    assert found is not None
    assert found.body["owner"] == "second"


def test_2_after_a_crash_the_schedule_wakes_the_job_within_a_minute(far: FarHome) -> None:
    job_id = operations.submit(far.ports, far.me, make.request()).job_id
    lock.acquire(far.ports.documents, far.ports.clock, job_id, owner="crashed")
    far.ports.clock.tick(60)
    handlers.on_schedule(far.ports, {}, CONTEXT)
    assert far.order(job_id).status is OrderStatus.RUNNING


def test_3_a_watchdog_that_cannot_start_strands_nothing(far: FarHome, aws: Callable[[str], Any]) -> None:
    aws("stepfunctions").delete_state_machine(stateMachineArn=far.ports.settings.watchdog)
    job_id = far.submit()
    assert far.order(job_id).status is OrderStatus.QUEUED
    for _ in range(10):
        far.ports.clock.tick(60)
        handlers.on_schedule(far.ports, {}, CONTEXT)
    assert far.job(job_id).status is JobStatus.FAILED
    assert far.order(job_id).reason.startswith("dispatch_failed: the watchdog could not be started")


def test_4_a_watchdog_does_not_overwrite_a_success(far: FarHome) -> None:
    job_id = far.submit(make.order(timeout=60))
    far.leave(job_id, 1, DONE)
    far.ports.clock.tick(3600)
    far.check(job_id)
    assert far.ports.objects.get(places.result_key(job_id, 1, 1)) == DONE
    assert far.job(job_id).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    "result", [b'{"status": "strange"}', b"\xff", b"", b'{"status": "succeeded", "log": "' + b"x" * 1_100_000 + b'"}']
)
def test_4_a_result_that_nobody_understands_ends_its_order_and_the_run(far: FarHome, result: bytes) -> None:
    job_id = far.submit()
    finish(far, job_id, 1, result)
    assert far.job(job_id).status is JobStatus.FAILED


def test_5_a_job_does_not_end_while_one_of_many_orders_runs(far: FarHome) -> None:
    """So many and so large that DynamoDB gives them in several pages."""
    large = {"env_vars": {"PADDING": "x" * 50_000}}
    orders = [make.order(f"order-{number}", **large) for number in range(30)]
    job_id = far.submit(*orders, max_parallel=30)
    for number in range(1, 30):
        finish(far, job_id, number)
    assert far.job(job_id).status is JobStatus.RUNNING
    finish(far, job_id, 30)
    assert far.job(job_id).status is JobStatus.SUCCEEDED


def test_6_a_late_result_does_not_end_a_job_again(far: FarHome) -> None:
    job_id = far.submit()
    finish(far, job_id, 1)
    version = far.job(job_id).version
    far.ports.objects.put(places.result_key(job_id, 1, 1), b'{"status": "failed"}', replace=True)
    handlers.on_callbacks(far.ports, created(places.result_key(job_id, 1, 1)), CONTEXT)
    assert (far.job(job_id).status, far.job(job_id).version) == (JobStatus.SUCCEEDED, version)
    assert kinds(far, job_id).count("job.succeeded") == 1


def test_6_a_reused_run_id_does_not_consume_old_results(far: FarHome) -> None:
    job_id = far.submit()
    finish(far, job_id, 1)
    operations.delete(far.ports, far.me, job_id)
    operations.submit(far.ports, far.me, make.request(), job_id=job_id)
    far.orchestrator.look(job_id)
    assert far.check(job_id)["state"] == "waiting"
    assert far.job(job_id).status is JobStatus.RUNNING


@pytest.mark.parametrize(
    "orders",
    [
        '[{"cmds": ["a"], "timeout": 1, "dependencies": ["nobody"]}]',
        '[{"order_name": "a", "cmds": ["a"], "timeout": 1}, {"order_name": "a", "cmds": ["a"], "timeout": 1}]',
        '[{"order_name": "a", "cmds": ["a"], "timeout": 1, "dependencies": ["a"]}]',
        '[{"cmds": "a", "timeout": "soon"}]',
        '{"cmds": 1}',
        "[null]",
    ],
    ids=["dangling", "duplicate", "cycle", "types", "object", "null"],
)
def test_7_a_job_that_cannot_be_is_refused_with_its_faults(orders: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_submission(f'{{"orders": {orders}}}')
    assert refused.value.status == 400
    assert refused.value.faults


def test_8_links_and_secrets_are_made_when_an_order_starts(far: FarHome, aws: Callable[[str], Any]) -> None:
    aws("ssm").put_parameter(Name="/late", Value="at submission", Type="SecureString")
    job_id = far.submit(make.order("first"), make.order("second", after=["first"], ssm_paths=["/late"]))
    assert far.ports.objects.list(f"tmp/exec/{job_id}/0002/attempt") == []
    aws("ssm").put_parameter(Name="/late", Value="at its start", Type="SecureString", Overwrite=True)
    finish(far, job_id, 1)
    assert values(far, job_id, 2) == {"late": "at its start"}


def values(far: FarHome, job_id: str, number: int) -> dict[str, str]:
    key = far.ports.objects.get(places.secret_key(job_id, number, 1)).decode()
    return open_values("age", far.ports.objects.get(places.values_key(job_id, number, 1)), key)


def test_9_a_time_out_ends_all_that_an_order_started_and_keeps_its_log(linked: FarHome) -> None:
    mark = linked.scratch.parent / "survived"
    orphan = f"(setsid sh -c 'sleep 3; touch {mark}' &) "
    job_id = linked.submit(make.order(cmds=[f"echo before; {orphan}; sleep 60"], timeout=1))
    begun = time.monotonic()
    linked.run_all()
    assert time.monotonic() - begun < 20
    assert linked.log(job_id).startswith("before\n")
    assert linked.job(job_id).status is JobStatus.TIMED_OUT
    time.sleep(max(0.0, begun + 5 - time.monotonic()))
    assert not mark.exists()


def test_9_the_target_of_a_timed_out_order_is_stopped(linked: FarHome) -> None:
    job_id = linked.submit(make.order(timeout=60))
    linked.ports.clock.tick(600)
    linked.check(job_id)
    assert linked.provider.stopped == [f"handle-{job_id}-0001-0001"]
    assert linked.ports.objects.info(places.stop_key(job_id, 1, 1))


def test_10_a_second_invocation_runs_no_command_again(linked: FarHome) -> None:
    count = linked.scratch.parent / "count"
    linked.submit(make.order(cmds=[f"echo ran >> {count}"]))
    assert [linked.work(), linked.work()] == ["succeeded", "begun before"]
    assert count.read_text() == "ran\n"


def test_11_no_error_of_a_clone_tells_the_token(far: FarHome, aws: Callable[[str], Any]) -> None:
    aws("ssm").put_parameter(Name="/git", Value="sesame-of-git", Type="SecureString")
    far.change(settings=replace(far.ports.settings, webhook_hosts=frozenset({"127.0.0.1"})))
    order = make.order(git_repo="http://127.0.0.1:9/a.git", commit_hash="a" * 40)
    with pytest.raises(CannotFetch, match=r"Fetching http://127\.0\.0\.1/a\.git failed") as refused:
        far.submit(order, git_token_location="/git")
    assert "sesame" not in f"{refused.value.detail} {refused.value.__cause__}"


def test_11_commands_have_no_credentials_of_the_service(linked: FarHome) -> None:
    job_id = linked.submit(make.order(cmds=["env | grep -c '^AWS_' || echo none"]))
    linked.run_all()
    assert linked.log(job_id) == "0\nnone\n"


def test_11_no_secret_is_stored_in_clear(far: FarHome, aws: Callable[[str], Any]) -> None:
    aws("secretsmanager").create_secret(Name="app", SecretString=json.dumps({"KEY": "sesame-of-app"}))
    job_id = far.submit(make.order(secrets={"TOKEN": "sesame-of-order"}, secret_manager_paths=["app"]))
    items = aws("dynamodb").scan(TableName=far.ports.settings.table)["Items"]
    stored = [far.ports.objects.get(each.key) for each in far.ports.objects.list("")]
    assert values(far, job_id, 1) == {"TOKEN": "sesame-of-order", "KEY": "sesame-of-app"}
    assert "sesame" not in repr(items)
    assert b"sesame" not in b"".join(stored)


def test_12_an_optional_order_that_fails_does_not_fail_the_job(far: FarHome) -> None:
    job_id = far.submit(make.order(must_succeed=False))
    finish(far, job_id, 1, b'{"status": "failed"}')
    assert (far.job(job_id).status, far.job(job_id).warnings) == (JobStatus.SUCCEEDED, 1)


def test_12_the_time_of_a_job_is_kept(far: FarHome) -> None:
    job_id = far.submit(make.order("a", timeout=600), job_timeout=60)
    far.ports.clock.tick(61)
    handlers.on_schedule(far.ports, {}, CONTEXT)
    far.ports.clock.tick(30)
    handlers.on_schedule(far.ports, {}, CONTEXT)
    assert far.job(job_id).status is JobStatus.TIMED_OUT


def test_12_every_record_of_an_event_is_read(far: FarHome) -> None:
    job_id = far.submit(make.order("a"), make.order("b"))
    for number in (1, 2):
        far.leave(job_id, number, DONE)
    handlers.on_callbacks(far.ports, created(*(places.result_key(job_id, each, 1) for each in (1, 2))), CONTEXT)
    assert far.job(job_id).status is JobStatus.SUCCEEDED
