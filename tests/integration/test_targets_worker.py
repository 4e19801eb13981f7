"""Orders run by the worker program, which reaches nothing but an emulated S3 by its links."""

import io
import json
import subprocess
import threading
import time
import zipfile
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pytest

from chalicelib import handlers
from chalicelib.jobs import operations, places
from chalicelib.jobs.executors.launching import script
from chalicelib.jobs.model import JobStatus, OrderStatus
from chalicelib.shells import Stop
from chalicelib.work import links
from tests import make
from tests.far import CONTEXT, FarHome, created, zipped

pytestmark = pytest.mark.integration


def shell(*commands: str, **fields: object) -> dict[str, object]:
    return make.order(None, cmds=list(commands), **{"timeout": 30, **fields})


def test_it_works(linked: FarHome) -> None:
    job_id = linked.submit(shell("echo hello"))
    linked.run_all()
    assert linked.job(job_id).status is JobStatus.SUCCEEDED
    assert linked.log(job_id) == "hello\n"


def test_a_far_order_runs_as_soon_as_its_provider_has_it(linked: FarHome) -> None:
    job_id = linked.submit(shell("true"))
    order = linked.order(job_id)
    assert (order.status, order.worker) == (OrderStatus.RUNNING, f"handle-{job_id}-0001-0001")


def test_its_time_counts_from_when_the_worker_begins(linked: FarHome) -> None:
    job_id = linked.submit(shell("true"))
    linked.ports.clock.tick(50)
    linked.work()
    began = next(each.key for each in linked.ports.objects.list(places.CALLBACKS) if each.key.endswith("begun"))
    handlers.on_callbacks(linked.ports, created(began), CONTEXT)
    assert linked.order(job_id).started_at == linked.ports.clock.now()


def test_commands_run_in_order_in_one_shell_and_stop_at_the_first_failure(linked: FarHome) -> None:
    job_id = linked.submit(shell("x=1", "echo got $x; false", "echo never"))
    linked.run_all()
    assert linked.order(job_id).reason == "exit code 1 (command 2 of 3: echo got $x; false)"
    assert linked.log(job_id).startswith("got 1\n")
    assert "never" not in linked.log(job_id)


def test_code_of_an_object_is_there_with_its_permissions(linked: FarHome) -> None:
    archive = zipped({"run.sh": b"#!/bin/sh\necho ran\n", "data/a.txt": b"A"}, executable=("run.sh",))
    linked.sources.objects["s3://code/app.zip"] = [("app.zip", archive)]
    job_id = linked.submit(shell("./run.sh && cat data/a.txt", s3_location="s3://code/app.zip"))
    linked.run_all()
    assert linked.log(job_id) == "ran\nA"


def test_outputs_reach_dependants(linked: FarHome) -> None:
    job_id = linked.submit(
        make.order("make", cmds=["mkdir out; echo made > out/x"], outputs=["out/x"]),
        make.order("use", cmds=["cat inputs/make/out/x"], after=["make"]),
    )
    linked.run_all()
    assert linked.job(job_id).status is JobStatus.SUCCEEDED
    assert linked.log(job_id, 2) == "made\n"
    assert [each.path for each in operations.get_order(linked.ports, linked.me, job_id, 1).artifacts] == ["out/x"]


def test_a_success_without_its_output_is_a_failure(linked: FarHome) -> None:
    job_id = linked.submit(shell("true", outputs=["missing.txt"]))
    linked.run_all()
    assert linked.order(job_id).reason == "the output `missing.txt` was not there at the end"


def test_secrets_reach_the_commands_and_no_log(linked: FarHome) -> None:
    linked.sources.values["/app/DB-URL"] = "sesame-of-parameters"
    linked.sources.secrets["app/keys"] = json.dumps({"API_KEY": "sesame-of-secrets"})
    job_id = linked.submit(
        shell(
            "echo $DB_URL $API_KEY $TOKEN; test ${#DB_URL} = 20",
            ssm_paths=["/app/DB-URL"],
            secret_manager_paths=["app/keys"],
            secrets={"TOKEN": "sesame-of-order"},
        )
    )
    linked.run_all()
    assert linked.job(job_id).status is JobStatus.SUCCEEDED
    assert linked.log(job_id) == "*** *** ***\n"


def test_nothing_in_the_bundle_tells_a_secret(linked: FarHome) -> None:
    linked.sources.values["/app/TOKEN"] = "sesame-of-parameters"
    job_id = linked.submit(shell("true", ssm_paths=["/app/TOKEN"], secrets={"OTHER": "sesame-of-order"}))
    for each in linked.ports.objects.list(f"tmp/exec/{job_id}/"):
        content = linked.ports.objects.get(each.key)
        assert b"sesame" not in content
        if zipfile.is_zipfile(io.BytesIO(content)):
            assert b"sesame" not in zipfile.ZipFile(io.BytesIO(content)).read("order.json")


def test_the_key_lies_apart_and_goes_with_the_order(linked: FarHome) -> None:
    job_id = linked.submit(shell("true", secrets={"TOKEN": "sesame"}))
    keys = [each.key for each in linked.ports.objects.list(places.keys_prefix(job_id))]
    assert keys == [f"tmp/keys/{job_id}/0001/attempt-0001"]
    linked.run_all()
    assert linked.ports.objects.list(places.keys_prefix(job_id)) == []


def test_the_later_source_of_a_variable_wins(linked: FarHome) -> None:
    linked.sources.values |= {"/a/ONE": "from-parameters", "/a/TWO": "from-parameters"}
    linked.sources.secrets["b"] = json.dumps({"TWO": "from-secrets", "RUN_ID": "from-secrets"})
    shown = 'test "$ONE" = from-parameters && test "$TWO" = from-secrets && echo $ZERO $RUN_ID $TIMEOUT $ORDER_NUM'
    job_id = linked.submit(
        shell(
            shown,
            env_vars={"ZERO": "from-order", "ONE": "x", "TWO": "x", "TIMEOUT": "x"},
            ssm_paths=["/a/ONE", "/a/TWO"],
            secret_manager_paths=["b"],
        )
    )
    linked.run_all()
    assert linked.log(job_id) == f"from-order {job_id} 30 0001\n"


def test_commands_see_no_credentials_of_the_service(linked: FarHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame-of-service")
    job_id = linked.submit(shell("env"))
    linked.run_all()
    assert "AWS_" not in linked.log(job_id)
    assert "sesame" not in linked.log(job_id)


def test_the_time_out_kills_the_whole_group_and_keeps_the_log(linked: FarHome) -> None:
    job_id = linked.submit(shell("echo before; (sleep 300; echo child) & sleep 300", timeout=1))
    begun = time.monotonic()
    linked.run_all()
    assert time.monotonic() - begun < 20
    assert linked.order(job_id).status is OrderStatus.TIMED_OUT
    assert linked.log(job_id).startswith("before\n")


def test_a_stop_ends_it_and_keeps_the_log(linked: FarHome) -> None:
    job_id = linked.submit(shell("echo before; sleep 300"))
    stop = Stop()
    timer = threading.Timer(1, stop.set)
    timer.start()
    linked.work(stop=stop)
    linked.tell()
    assert linked.order(job_id).status is OrderStatus.CANCELLED
    assert "before" in linked.log(job_id)


def test_cancelling_the_job_reaches_the_worker(linked: FarHome) -> None:
    job_id = linked.submit(shell("sleep 300"))
    worker = threading.Thread(target=linked.work)
    worker.start()
    operations.cancel(linked.ports, linked.me, job_id)
    linked.orchestrator.look(job_id)
    worker.join(30)
    linked.tell()
    assert linked.job(job_id).status is JobStatus.CANCELLED


def test_a_second_worker_of_one_attempt_runs_nothing(linked: FarHome) -> None:
    job_id = linked.submit(shell("echo x"))
    assert linked.work() == "succeeded"
    assert linked.work() == "begun before"
    linked.tell()
    assert linked.log(job_id) == "x\n"


def test_a_long_log_is_streamed_in_pieces_and_made_one(linked: FarHome) -> None:
    job_id = linked.submit(shell("for i in $(seq 1 60000); do echo line $i; done"))
    linked.work()
    pieces = linked.ports.objects.list(f"logs/{linked.me.tenant_id}/{job_id}/0001/0001/")
    assert len(pieces) == 3
    linked.tell()
    assert linked.log(job_id).splitlines() == [f"line {number}" for number in range(1, 60001)]


def test_the_log_in_the_result_is_bounded_and_says_what_it_leaves_out(linked: FarHome) -> None:
    job_id = linked.submit(shell("for i in $(seq 1 60000); do echo line $i; done"))
    linked.work()
    told = json.loads(linked.ports.objects.get(places.result_key(job_id, 1, 1)))
    assert told["log"].startswith("[millrace] the first ")
    assert len(told["log"]) < 300_000
    assert told["log"].endswith("line 60000\n")


def test_a_log_over_the_limit_is_cut_with_a_mark(linked: FarHome) -> None:
    settings = replace(linked.ports.settings, log_limit=1000)
    small = FarHome(replace(linked.ports, settings=settings), linked.scratch)
    job_id = small.submit(shell("seq 1 1000"))
    small.run_all()
    assert "[millrace] the log was cut here: " in small.log(job_id)
    assert len(small.log(job_id)) < 1200


def test_a_link_leads_to_its_own_object_alone(linked: FarHome) -> None:
    linked.submit(make.order("one"), make.order("two"))
    link = min(linked.provider.parcels, key=attrgetter("name")).link
    assert links.fetch(link)
    with pytest.raises(links.NotReached, match="403"):
        links.fetch(link.replace("/0001/", "/0002/"))
    with pytest.raises(links.NotReached, match="403"):
        links.put(link, b"other commands")


def test_the_log_shows_while_the_order_runs(linked: FarHome) -> None:
    job_id = linked.submit(shell("echo early; sleep 300"))
    stop = Stop()
    worker = threading.Thread(target=linked.work, kwargs={"stop": stop})
    worker.start()
    until = time.monotonic() + 30
    while linked.log(job_id) != "early\n" and time.monotonic() < until:
        time.sleep(0.2)
    seen = linked.log(job_id)
    stop.set()
    worker.join(30)
    assert seen == "early\n"


def test_a_machine_whose_time_is_up_says_so(linked: FarHome) -> None:
    job_id = linked.submit(shell("sleep 300", timeout=600))
    linked.work(remaining=lambda: 21.5)
    linked.tell()
    assert linked.order(job_id).reason == "the time of the machine it ran on was up"


def launch(linked: FarHome, folder: Path) -> "subprocess.Popen[bytes]":
    """As CodeBuild, Systems Manager and ECS start it: a shell script with one link."""
    command = ["sh", "-c", script(linked.provider.parcels[-1].link)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_the_program_needs_no_installation(linked: FarHome, tmp_path: Path) -> None:
    job_id = linked.submit(shell("echo from afar $TOKEN", secrets={"TOKEN": "sesame"}))
    with launch(linked, tmp_path) as process:
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told.decode()
    linked.tell()
    assert linked.job(job_id).status is JobStatus.SUCCEEDED
    assert linked.log(job_id) == "from afar ***\n"


def test_a_machine_that_is_told_to_end_tells_how_far_it_came(linked: FarHome, tmp_path: Path) -> None:
    job_id = linked.submit(shell("echo begun; touch {mark}; sleep 300".replace("{mark}", str(tmp_path / "mark"))))
    with launch(linked, tmp_path) as process:
        wait_for(tmp_path / "mark")
        process.terminate()
        process.communicate(timeout=30)
    linked.tell()
    assert linked.order(job_id).status is OrderStatus.CANCELLED
    assert linked.log(job_id).startswith("begun\n")


def wait_for(path: Path) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_function_is_the_same_program(linked: FarHome) -> None:
    job_id = linked.submit(shell("echo in a function"))
    assert handlers.work({"order": linked.provider.parcels[0].link}, CONTEXT) == {"status": "succeeded"}
    linked.tell()
    assert linked.log(job_id) == "in a function\n"


def test_a_log_that_nobody_made_one_object_of_can_be_downloaded(linked: FarHome) -> None:
    job_id = linked.submit(shell("echo before"))
    linked.work()
    linked.ports.clock.tick(600)
    linked.ports.objects.delete(places.result_key(job_id, 1, 1))
    linked.orchestrator.look(job_id)
    assert linked.order(job_id).status is OrderStatus.TIMED_OUT
    link = operations.log_link(linked.ports, linked.me, job_id, 1)
    assert links.fetch(link) == b"before\n"
