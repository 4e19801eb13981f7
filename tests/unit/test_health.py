import json
import logging
import shutil

import pytest

from chalicelib.jobs.wakeups import WAKE_UPS
from chalicelib.journal import OneLine, request_id
from chalicelib.queues import MAX_RECEIVES, Message


def health(people):
    return people.nobody.get("/api/health")


def details(people):
    return {each["name"]: each["detail"] for each in health(people).json["checks"]}


@pytest.fixture
def worker(ports):
    place = ports.presence.enter("one")
    yield place
    place.leave()


def test_with_a_worker_all_is_well(people, worker):
    assert (health(people).status, health(people).json["status"]) == (200, "ok")


def test_without_a_worker_it_works_but_says_what_to_do(people):
    assert health(people).json["status"] == "degraded"
    assert details(people)["workers"] == "None is running: jobs wait. Start one: millrace worker"


def test_a_worker_that_died_does_not_count(people, ports):
    ports.presence.enter("one").leave()
    assert health(people).json["status"] == "degraded"


def test_without_its_objects_it_is_down(people, ports, worker):
    folder = ports.settings.data / "objects"
    shutil.rmtree(folder)
    folder.write_text("in the way")
    assert (health(people).status, health(people).json["status"]) == (503, "down")


def test_what_is_down_is_told_without_a_trace_of_code(people, ports):
    folder = ports.settings.data / "objects"
    shutil.rmtree(folder)
    folder.write_text("in the way")
    assert details(people)["objects"] == "It does not take writes; the log says why. Is the disk full?"


def test_what_waits_is_counted(people, ports, worker):
    ports.queues.send(WAKE_UPS, [Message({"job_id": "x"})] * 2)
    assert details(people)["queues"] == "2 messages wait."


def test_messages_that_were_given_up_want_a_look(people, ports, worker):
    ports.queues.send(WAKE_UPS, [Message({"job_id": "x"})])
    for _ in range(MAX_RECEIVES + 1):
        ports.queues.receive(WAKE_UPS, visibility=1)
        ports.clock.tick(2)
    assert health(people).json["status"] == "degraded"
    assert details(people)["queues"].startswith("1 messages were given up")


def test_health_tells_nobody_anything_about_jobs(people):
    assert set(health(people).json) == {"status", "version", "checks"}


def test_the_journal_writes_one_line_of_json_with_the_request(caplog):
    request_id.set("abc")
    try:
        int("two\nlines")
    except ValueError:
        logging.getLogger("somewhere").exception("It broke:\n%s", "here")
    line = OneLine().format(caplog.records[-1])
    told = json.loads(line)
    assert ("\n" in line, told["message"], told["request_id"]) == (False, "It broke:\nhere", "abc")
    assert "ValueError: " in told["traceback"]
