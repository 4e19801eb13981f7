"""Results as workers leave them: taken up once, whatever is in them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import handlers
from chalicelib.errors import Invalid, Unavailable
from chalicelib.jobs import callbacks, operations, places
from chalicelib.jobs.model import JobStatus, OrderStatus, Target
from chalicelib.objects import Objects
from chalicelib.objects.folder import FolderObjects
from tests import make
from tests.far import CONTEXT, FarHome, created, home_in_memory


@pytest.fixture
def home(tmp_path: Path) -> FarHome:
    return home_in_memory(tmp_path)


def result(status: str = "succeeded", **more: object) -> bytes:
    return json.dumps({"status": status, "log": "done\n", **more}).encode()


def test_it_works(home: FarHome) -> None:
    job_id = home.submit()
    home.leave(job_id, 1, result())
    home.tell()
    assert home.job(job_id).status is JobStatus.SUCCEEDED
    assert home.log(job_id) == "done\n"


@pytest.mark.parametrize("status", ["succeeded", "failed", "timed_out", "cancelled"])
def test_a_result_without_a_schema_version_ends_its_order(home: FarHome, status: str) -> None:
    job_id = home.submit()
    home.leave(job_id, 1, result(status))
    home.tell()
    assert home.order(job_id).status == status


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "the result is not JSON"),
        (b"{", "the result is not JSON"),
        (b"[" * 100_000, "the result is not JSON"),
        (b"[]", "the result is not an object"),
        (b"{}", "the result has an unknown status: 'None'"),
        (result("finished"), "the result has an unknown status: 'finished'"),
        (result("running"), "the result has an unknown status: 'running'"),
        (result(log="x" * 1_000_001), "the result is larger than 1,000,000 bytes"),
    ],
    ids=["no-text", "no-json", "deep", "no-object", "empty", "unknown", "not-an-end", "huge"],
)
def test_a_result_that_says_nothing_fails_its_order(home: FarHome, content: bytes, reason: str) -> None:
    job_id = home.submit()
    home.leave(job_id, 1, content)
    home.tell()
    assert (home.order(job_id).status, home.order(job_id).reason) == (OrderStatus.FAILED, reason)


@pytest.mark.parametrize(
    "odd",
    [{"exit_code": "seven"}, {"exit_code": 2**80}, {"reason": ["x"]}, {"log": {"a": 1}}, {"reason": "\ud800"}],
    ids=["text-code", "huge-code", "list-reason", "object-log", "surrogate"],
)
def test_odd_fields_do_no_harm(home: FarHome, odd: dict[str, object]) -> None:
    job_id = home.submit()
    home.leave(job_id, 1, result("failed", **odd))
    home.tell()
    assert home.order(job_id).status is OrderStatus.FAILED


def test_every_record_of_an_event_is_read(home: FarHome) -> None:
    job_id = home.submit(make.order("a"), make.order("b"), make.order("c"))
    for number in (1, 2, 3):
        home.leave(job_id, number, result())
    handlers.on_callbacks(home.ports, created(*(places.result_key(job_id, each, 1) for each in (1, 2, 3))), CONTEXT)
    assert home.job(job_id).status is JobStatus.SUCCEEDED


def test_keys_are_found_in_every_wrapping() -> None:
    native = created("tmp/a%2Bb/x", "tmp/c")
    message = json.dumps(native)
    assert callbacks.keys_of(native) == ["tmp/a+b/x", "tmp/c"]
    assert callbacks.keys_of(created("tmp/c")) == ["tmp/c"]
    assert callbacks.keys_of({"Records": [{"Sns": {"Message": message}}]}) == ["tmp/a+b/x", "tmp/c"]
    assert callbacks.keys_of({"Records": [{"body": message}]}) == ["tmp/a+b/x", "tmp/c"]
    told = json.dumps({"Type": "Notification", "Message": message})
    assert callbacks.keys_of({"Records": [{"body": told}]}) == ["tmp/a+b/x", "tmp/c"]


def test_a_test_event_holds_no_keys() -> None:
    assert callbacks.keys_of({"Service": "Amazon S3", "Event": "s3:TestEvent"}) == []


def test_the_trigger_of_a_run_is_a_look_and_no_result(home: FarHome) -> None:
    job_id = home.submit()
    home.ports.objects.put(places.trigger_key(job_id), result())
    home.tell()
    assert home.order(job_id).status is OrderStatus.RUNNING


@pytest.mark.parametrize(
    "key",
    ["tmp/callbacks/runs/nobody/0001/result.json", "tmp/callbacks/other", "tmp/callbacks/runs/a/b/0001/result.json"],
)
def test_what_nobody_asked_for_is_left_alone(home: FarHome, key: str) -> None:
    handlers.on_callbacks(home.ports, created(key), CONTEXT)


def test_a_result_of_an_earlier_attempt_changes_nothing(home: FarHome) -> None:
    job_id = home.submit(make.order(retries=1))
    home.leave(job_id, 1, result("failed"))
    home.tell()
    assert (home.order(job_id).status, home.order(job_id).attempt) == (OrderStatus.RUNNING, 2)
    handlers.on_callbacks(home.ports, created(places.result_key(job_id, 1, 1)), CONTEXT)
    assert home.order(job_id).status is OrderStatus.RUNNING
    home.leave(job_id, 1, result(), attempt=2)
    home.tell()
    assert home.job(job_id).status is JobStatus.SUCCEEDED


def test_a_late_result_leaves_an_ended_job_and_its_log_as_they_are(home: FarHome) -> None:
    job_id = home.submit()
    home.leave(job_id, 1, result(log="first\n"))
    home.tell()
    home.ports.objects.put(places.result_key(job_id, 1, 1), result("failed", log="second\n"), replace=True)
    handlers.on_callbacks(home.ports, created(places.result_key(job_id, 1, 1)), CONTEXT)
    assert home.job(job_id).status is JobStatus.SUCCEEDED
    assert home.log(job_id) == "first\n"


def test_one_bad_record_does_not_stop_the_next(home: FarHome) -> None:
    job_id = home.submit()
    home.leave(job_id, 1, result())
    keys = [places.result_key(job_id, 7, 1), "tmp/callbacks/runs/?", places.result_key(job_id, 1, 1)]
    handlers.on_callbacks(home.ports, created(*keys), CONTEXT)
    assert home.job(job_id).status is JobStatus.SUCCEEDED


def test_a_record_that_fails_is_told_once_the_others_are_done(home: FarHome) -> None:
    job_id = home.submit(make.order("a"), make.order("b"))
    home.leave(job_id, 1, result())
    home.leave(job_id, 2, result())
    keys = [places.result_key(job_id, number, 1) for number in (1, 2)]
    objects = home.ports.objects
    home.change(objects=Unreadable(objects, keys[0]))
    with pytest.raises(Unavailable):
        handlers.on_callbacks(home.ports, created(*keys), CONTEXT)
    assert home.order(job_id, 2).status is OrderStatus.SUCCEEDED
    home.change(objects=objects)
    handlers.on_callbacks(home.ports, created(*keys), CONTEXT)
    assert home.job(job_id).status is JobStatus.SUCCEEDED


class Unreadable:
    """A store of which one object cannot be read just now."""

    def __init__(self, objects: Objects, key: str) -> None:
        self._objects = objects
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def read(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        if key == self._key:
            raise Unavailable("The store is out of reach.")
        return self._objects.read(key, start=start)


def test_a_claimed_output_is_an_artifact_only_when_it_is_there(home: FarHome) -> None:
    job_id = home.submit(make.order(outputs=["a.txt"]))
    home.leave(job_id, 1, result(artifacts=[{"path": "a.txt", "size": 3}]))
    home.tell()
    assert home.order(job_id).reason == "the output `a.txt` was not there at the end"


def test_where_nothing_is_far_a_process_is_the_only_target() -> None:
    ports = make.ports()
    assert ports.offered == (Target.PROCESS,)
    assert isinstance(ports.objects, FolderObjects)


def test_far_targets_come_first(home: FarHome) -> None:
    assert home.ports.offered == (Target.LAMBDA, Target.PROCESS)


def test_a_target_that_is_not_offered_is_refused(home: FarHome) -> None:
    with pytest.raises(Invalid) as refused:
        home.submit(make.order(execution_target="ecs"))
    assert refused.value.faults[0].message == "ecs is not offered here; choose lambda, process"


def test_where_no_target_is_set_up_the_refusal_names_whose_matter_it_is() -> None:
    with pytest.raises(Invalid) as refused:
        operations.submit(make.ports(executors={}), make.caller(), make.request())
    assert "its operator has set up no target" in refused.value.faults[0].message
