"""What is owed for a job is done, whoever dies on the way: its comment, and the end of it told."""

from contextlib import suppress
from dataclasses import replace

import orjson
import pytest

from chalicelib.documents import Delete
from chalicelib.errors import Unavailable
from chalicelib.jobs import comments, duties, finishing, operations, store
from chalicelib.jobs.model import OrderStatus
from chalicelib.settings import Home
from chalicelib.vcs import Place, Refused, Repository
from chalicelib.webhook import hooks
from tests import make
from tests.engine import Crash, CrashingDocuments, Engine
from tests.hosts import MemoryHost

PLACE = {"git_repo": "https://github.com/acme/app", "pr_number": 7}
TOKEN = "ghp_3f9a"


@pytest.fixture
def host():
    return MemoryHost()


@pytest.fixture
def ports(host):
    ports = replace(make.ports(), hosts={"github.com": host})
    hooks.edit(ports, make.caller(), "acme", token=TOKEN)
    return ports


@pytest.fixture
def engine(ports):
    return Engine(ports)


def settle(engine):
    while finishing.settle(engine.ports):
        continue


def submit(engine, *orders, **fields):
    job_id = engine.submit(*orders, **{**PLACE, **fields})
    settle(engine)
    return job_id


def bring_on(engine, job_id):
    """Some seconds later, after a look."""
    engine.ports.clock.tick(5)
    engine.look(job_id)
    settle(engine)


def end(engine, job_id, number=1, status=OrderStatus.SUCCEEDED):
    engine.ports.clock.tick(5)
    engine.end(job_id, number, status)
    settle(engine)


def give(engine, job_id, **changes):
    """A job that was posted, or asks for more."""
    job = replace(engine.job(job_id), **changes)
    engine.ports.documents.transact([store.put_job(job)])


def open_duties(engine):
    return duties.due(engine.ports.documents, engine.ports.clock.now().replace(year=2030), limit=100)


def test_a_comment_is_made_for_a_job(engine, host):
    job_id = submit(engine)
    assert list(host.comments.values()) == [
        comments.render(
            engine.job(job_id), store.load_all_orders(engine.ports.documents, engine.job(job_id)), address(engine)
        )
    ]


def address(engine):
    return engine.ports.settings.address


def test_it_says_where_it_belongs_and_what_is_in_it(engine, host):
    job_id = submit(engine, make.order("build"), make.order("test"), pr_comment_search_tag="deploy")
    text = host.comments["c1"]
    flow = f"ada@acme.example:{engine.job(job_id).trace_id}-exec"
    assert all(each in text for each in ("`deploy`", job_id, flow, "| 0001 | `build` | queued |", "| 0002 | `test` |"))


def test_it_is_edited_when_the_job_changes(engine, host):
    job_id = submit(engine)
    bring_on(engine, job_id)
    end(engine, job_id)
    assert (host.calls, "is succeeded" in host.comments["c1"]) == (["create", "edit", "edit"], True)


def test_what_did_not_change_is_not_told_again(engine, host):
    job_id = submit(engine)
    bring_on(engine, job_id)
    calls = list(host.calls)
    bring_on(engine, job_id)
    assert host.calls == calls


def test_changes_that_follow_each_other_fast_are_one_edit(engine, host):
    job_id = submit(engine, make.order("a"), make.order("b"))
    engine.look(job_id)
    settle(engine)
    engine.begin(job_id, 1)
    engine.end(job_id, 1)
    settle(engine)
    assert host.calls == ["create"]
    engine.ports.clock.tick(3)
    settle(engine)
    assert host.calls == ["create", "edit"]


def test_an_end_is_told_at_once(engine, host):
    job_id = submit(engine)
    engine.look(job_id)
    engine.end(job_id, 1)
    settle(engine)
    assert "is succeeded" in host.comments["c1"]


def test_a_job_that_is_retried_goes_on_in_its_comment(engine, host):
    job_id = submit(engine)
    bring_on(engine, job_id)
    end(engine, job_id, status=OrderStatus.FAILED)
    operations.retry(engine.ports, engine.me, job_id)
    bring_on(engine, job_id)
    end(engine, job_id)
    assert (len(host.comments), "is succeeded" in host.comments["c1"]) == (1, True)


def test_nothing_is_owed_for_a_job_that_names_no_place(engine, host):
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1)
    assert (open_duties(engine), host.calls) == ([], [])


def test_the_token_goes_to_the_host_and_nowhere_else(engine, host, caplog):
    host.sick = [Refused("GitHub answered 401 to POST /repos")]
    job_id = submit(engine)
    events = operations.list_events(engine.ports, engine.me, job_id).items
    assert (host.tokens, TOKEN in repr(events), TOKEN in caplog.text) == ([TOKEN], False, False)


def test_what_a_host_refuses_is_in_the_job_s_history(engine, host):
    host.sick = [Refused("GitHub answered 404 to POST /repos")]
    job_id = submit(engine)
    found = [each.message for each in operations.list_events(engine.ports, engine.me, job_id).items]
    assert ("GitHub answered 404 to POST /repos" in found, open_duties(engine)) == (True, [])


def test_a_job_without_a_token_says_so(host):
    engine = Engine(replace(make.ports(), hosts={"github.com": host}))
    job_id = submit(engine)
    assert "comment.failed" in engine.kinds(job_id)


def test_a_host_that_is_down_is_asked_again(engine, host):
    host.sick = [Unavailable("GitHub did not answer")]
    submit(engine)
    assert host.comments == {}
    engine.ports.clock.tick(5)
    settle(engine)
    assert len(host.comments) == 1


def test_a_host_that_stays_down_is_given_up(engine, host):
    host.sick = [Unavailable("GitHub did not answer")] * 100
    job_id = submit(engine)
    for pause in finishing.PAUSES:
        engine.ports.clock.tick(pause.total_seconds())
        settle(engine)
    assert (open_duties(engine), "comment.failed" in engine.kinds(job_id)) == ([], True)


def test_a_comment_whose_making_was_not_answered_is_found(engine, host):
    host.sick, host.after = [Unavailable("GitHub did not answer")], True
    submit(engine)
    engine.ports.clock.tick(5)
    settle(engine)
    assert (len(host.comments), host.calls) == (1, ["create", "find", "edit"])


def test_two_that_post_at_once_make_one_comment(engine, host):
    host.meanwhile = lambda: settle(engine)
    submit(engine)
    assert (len(host.comments), host.calls) == (1, ["create"])


def test_a_change_while_it_is_told_is_told_too(engine, host):
    job_id = engine.submit(**PLACE)
    host.meanwhile = lambda: engine.look(job_id)
    settle(engine)
    engine.ports.clock.tick(5)
    settle(engine)
    assert "is running" in host.comments["c1"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", range(8))
def test_whoever_dies_while_posting_leaves_one_comment(ports, host, writes, after):
    dying = CrashingDocuments(ports.documents)
    engine = Engine(replace(ports, documents=dying))
    job_id = engine.submit(**PLACE)
    dying.writes_left, dying.after = writes, after
    with suppress(Crash):
        finishing.settle_one(engine.ports, job_id)
    dying.writes_left = None
    engine.ports.clock.tick(finishing.LEASE.total_seconds())
    settle(engine)
    assert (len(host.comments), open_duties(engine)) == (1, [])


def done_marker(engine, job_id):
    return orjson.loads(engine.ports.objects.get(f"done/{job_id}/done"))


def ended(engine, status=OrderStatus.SUCCEEDED, **changes):
    job_id = engine.submit(make.order("a"), make.order("b", must_succeed=False))
    give(engine, job_id, leg="0a1b2c3d:1795176000", **changes)
    engine.look(job_id)
    engine.end(job_id, 1, status)
    engine.end(job_id, 2, OrderStatus.FAILED)
    settle(engine)
    return job_id


def test_the_end_of_a_posted_job_is_marked(engine):
    told = done_marker(engine, ended(engine))
    summary = {"succeeded": 1, "failed": 1, "timed_out": 0, "cancelled": 0, "skipped": 0, "warnings": 1}
    assert (told["status"], told["summary"]) == ("succeeded", summary)


def test_the_mark_of_a_retried_job_is_of_its_last_end(engine):
    job_id = ended(engine, OrderStatus.FAILED)
    assert done_marker(engine, job_id)["status"] == "failed"
    operations.retry(engine.ports, engine.me, job_id)
    engine.look(job_id)
    engine.end(job_id, 1)
    engine.end(job_id, 2)
    settle(engine)
    assert done_marker(engine, job_id)["status"] == "succeeded"


def test_the_keys_of_a_posted_job_are_deleted(engine):
    job_id = engine.submit()
    give(engine, job_id, leg="0a1b2c3d:1795176000")
    engine.ports.objects.put(f"tmp/keys/{job_id}/0001/attempt-0001", b"AGE-SECRET-KEY")
    engine.look(job_id)
    engine.end(job_id, 1)
    settle(engine)
    assert engine.ports.objects.list(f"tmp/keys/{job_id}/") == []


def test_an_end_that_cannot_be_told_is_tried_again_and_given_up(engine):
    job_id = ended(engine, settings={"done_endpt": "https://127.0.0.1:1/done"})
    assert open_duties(engine) == [job_id]
    for pause in finishing.PAUSES:
        engine.ports.clock.tick(pause.total_seconds())
        settle(engine)
    assert (open_duties(engine), "done.failed" in engine.kinds(job_id)) == ([], True)


def test_the_mark_does_not_wait_for_an_end_that_cannot_be_told(engine):
    job_id = ended(engine, settings={"done_endpt": "https://127.0.0.1:1/done"})
    assert done_marker(engine, job_id)["status"] == "succeeded"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", range(8))
def test_whoever_dies_while_finishing_leaves_it_to_others(ports, writes, after):
    dying = CrashingDocuments(ports.documents)
    engine = Engine(replace(ports, documents=dying))
    job_id = engine.submit()
    give(engine, job_id, leg="0a1b2c3d:1795176000")
    engine.look(job_id)
    engine.end(job_id, 1)
    dying.writes_left, dying.after = writes, after
    with suppress(Crash):
        finishing.settle_one(engine.ports, job_id)
    dying.writes_left = None
    engine.ports.clock.tick(finishing.LEASE.total_seconds())
    settle(engine)
    assert (done_marker(engine, job_id)["status"], open_duties(engine)) == ("succeeded", [])


def test_an_end_without_a_wake_up_is_found(engine):
    job_id = engine.submit()
    give(engine, job_id, leg="0a1b2c3d:1795176000")
    engine.look(job_id)
    engine.end(job_id, 1)
    assert open_duties(engine) == [job_id]


def test_a_deleted_job_is_owed_nothing(engine, host):
    job_id = engine.submit(**PLACE)
    engine.ports.documents.transact([Delete(store.job_key(job_id))])
    settle(engine)
    assert (open_duties(engine), host.calls) == ([], [])


@pytest.mark.parametrize("name", ["a|b", "`a`", "a\u202eb", "-->", "@everyone"])
def test_names_stay_in_their_places(engine, host, name):
    job_id = submit(engine, name=name, pr_comment_search_tag=name)
    text = host.comments["c1"]
    head, *lines = text.split("\n")
    assert (head, head.count("-->")) == (comments.marker(engine.job(job_id)), 1)
    assert next(each for each in lines if "search tag" in each).count("|") - ("\\|" in text) == 3


def test_a_comment_of_a_thousand_orders_fits(engine, host):
    submit(engine, *[make.order(f"order-{number:04d}" + "x" * 80) for number in range(1000)])
    assert len(host.comments["c1"]) < 60_000


def test_the_mark_of_a_deleted_job_goes_with_it(engine):
    job_id = ended(engine)
    operations.delete(engine.ports, engine.me, job_id)
    assert engine.ports.objects.list(f"done/{job_id}/") == []


def test_where_there_is_a_bucket_every_end_is_marked(engine, host):
    ports = replace(engine.ports, done=engine.ports.objects, settings=replace(engine.ports.settings, home=Home.AWS))
    engine = Engine(ports)
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1)
    settle(engine)
    assert orjson.loads(ports.objects.get(f"{job_id}/done"))["status"] == "succeeded"


def test_a_comment_on_an_issue_and_one_on_gitlab_know_their_places(engine):
    job = replace(engine.job(engine.submit()), settings={"git_repo": "git@gitlab.com:acme/app.git", "issue_number": 3})
    assert comments.place_of(job) == Place(Repository("gitlab.com", "acme/app"), 3, issue=True)
