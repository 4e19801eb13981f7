"""A job's page, an order's page, and what can be done there."""

from dataclasses import replace

import pytest

from chalicelib.jobs import logs, store
from chalicelib.jobs.model import Artifact, OrderStatus
from tests import make
from tests.engine import Engine
from tests.pages import signed_in


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


@pytest.fixture
def engine(ports, people):
    engine = Engine(ports)
    engine.me = people.caller(people.owner)
    return engine


@pytest.fixture
def failed(engine):
    """build succeeded, lint (optional) and test failed, ship could not run."""
    job_id = engine.submit(
        make.order("build"),
        make.order("lint", after=["build"], must_succeed=False),
        make.order("test", after=["build"]),
        make.order("ship", after=["test"]),
        name="release",
    )
    engine.look(job_id)
    engine.end(job_id, 1)
    engine.end(job_id, 2, OrderStatus.FAILED, "the linter found something")
    engine.end(job_id, 3, OrderStatus.FAILED, "command 1 failed")
    return job_id


def write_log(ports, engine, job_id, number, text, *, attempt=1):
    writer = logs.LogWriter(ports.objects, engine.me.tenant_id, job_id, number, attempt, limit=10_000_000)
    writer.add(text.encode())
    writer.close()


def test_a_waiting_job_says_why_each_order_waits(engine, ada):
    job_id = engine.submit(make.order("build"), make.order("test", after=["build"]))
    page = ada.get(f"/jobs/{job_id}")
    assert page.title.startswith("Queued: ")
    assert "waits for build" in page.words


def test_a_running_job_refreshes_itself_with_and_without_scripts(engine, ada):
    job_id = engine.submit()
    page = ada.get(f"/jobs/{job_id}")
    assert page.html.count(f'data-hx-get="/jobs/{job_id}"') == 1
    assert '<noscript><meta http-equiv="refresh"' in page.html


def test_an_ended_job_is_left_in_peace(ada, failed):
    page = ada.get(f"/jobs/{failed}")
    assert "data-hx-get" not in page.html
    assert "http-equiv" not in page.html


def test_a_refresh_is_answered_with_304_until_something_changes(engine, ada):
    job_id = engine.submit()
    first = ada.get(f"/jobs/{job_id}", HX_Request="true")
    unchanged = {"HX-Request": "true", "If-None-Match": first.reply.header("ETag")}
    assert ada.client.get(f"/jobs/{job_id}", headers=unchanged).status == 304
    engine.look(job_id)
    assert ada.client.get(f"/jobs/{job_id}", headers=unchanged).status == 200


def test_the_bars_of_a_running_job_grow_though_nothing_else_changes(engine, ada):
    job_id = engine.submit()
    first = ada.get(f"/jobs/{job_id}")
    engine.ports.clock.tick(1)
    asking = {"HX-Request": "true", "If-None-Match": first.reply.header("ETag")}
    assert ada.client.get(f"/jobs/{job_id}", headers=asking).status == 200


def test_a_failed_job_leads_to_its_first_failure(ada, failed):
    page = ada.get(f"/jobs/{failed}")
    assert page.title == "Failed: release · Millrace"
    assert "test failed: command 1 failed (1 more failure)" in page.words
    assert page.all("a", href="#order-3")
    assert page.all("tr", id="order-3", class_="first-fail")


def test_the_tab_shows_the_state(ada, failed):
    (icon,) = ada.get(f"/jobs/{failed}").all("link", rel="icon")
    assert icon.get("href").startswith("/static/favicon-fail.svg?v=")


def test_an_order_that_could_not_run_says_so(ada, failed):
    assert "did not run: an order it depends on did not succeed" in ada.get(f"/jobs/{failed}").words


def test_the_history_tells_who_did_what(ada, failed):
    page = ada.get(f"/jobs/{failed}")
    assert "Job submitted by ada@engines.example" in page.words
    assert "Job submitted by ada@engines.example" in ada.get(f"/jobs/{failed}/history").words


def test_names_and_commands_are_never_markup(engine, ada):
    job_id = engine.submit(make.order(cmds=["echo '<script>alert(1)</script>'"]), name="<img src=x>")
    assert "<img" not in ada.get(f"/jobs/{job_id}").html
    assert "<script>alert" not in ada.get(f"/jobs/{job_id}/orders/1").html


def test_a_job_is_cancelled(engine, ada):
    job_id = engine.submit()
    page = ada.follow(ada.submit(ada.get(f"/jobs/{job_id}"), f"/jobs/{job_id}/cancel"))
    assert "what runs is being stopped" in page.words


def test_what_has_ended_cannot_be_cancelled(engine, ada, failed):
    other = engine.submit()
    page = ada.get(f"/jobs/{other}")
    page.form(f"/jobs/{other}/cancel").set("action", f"/jobs/{failed}/cancel")
    reply = ada.submit(page, f"/jobs/{failed}/cancel")
    assert reply.status == 409
    assert f'href="/jobs/{failed}"' in reply.text


def test_a_retry_shows_first_what_is_kept_and_what_runs_again(ada, failed):
    page = ada.get(f"/jobs/{failed}/retry")
    assert "Runs again (3)" in page.words
    assert "Is kept (1)" in page.words
    assert "Running again." in ada.follow(ada.submit(page, f"/jobs/{failed}/retry")).words


def test_a_retry_from_an_order_reruns_what_is_behind_it(engine, ada, failed):
    page = ada.get(f"/jobs/{failed}/retry?from=1")
    assert "Runs again (4)" in page.words
    ada.submit(page, f"/jobs/{failed}/retry")
    assert engine.statuses(failed)[0] == "queued"


@pytest.mark.parametrize("start", ["9", "x", "-1", "²", "99999999"])
def test_a_retry_from_nowhere_is_not_found(ada, failed, start):
    ada.get(f"/jobs/{failed}/retry?from={start}", 404)


def test_a_clone_starts_from_the_same_text(ada, failed):
    page = ada.get(f"/jobs/{failed}/clone")
    (text,) = page.all("textarea")
    changed = text.text.replace("release", "release again")
    reply = ada.submit(page, f"/jobs/{failed}/clone", submission=changed)
    assert ada.follow(reply).title == "Queued: release again · Millrace"


def test_a_clone_with_faults_keeps_the_text(ada, failed):
    reply = ada.submit(ada.get(f"/jobs/{failed}/clone"), f"/jobs/{failed}/clone", submission="orders: []")
    assert reply.status == 400
    assert "orders: []" in reply.text


def test_a_job_is_deleted(ada, failed):
    page = ada.follow(ada.submit(ada.get(f"/jobs/{failed}"), f"/jobs/{failed}/delete"))
    assert "The job is deleted." in page.words
    ada.get(f"/jobs/{failed}", 404)


@pytest.mark.parametrize(
    "rest", ["", "/retry", "/clone", "/history", "/orders/1", "/orders/1/log", "/orders/1/files/a"]
)
def test_nothing_of_a_job_is_there_for_another_organisation(people, failed, rest):
    signed_in(people, people.stranger).get(f"/jobs/{failed}{rest}", 404)


def test_an_order_shows_its_whole_log(ports, engine, ada, failed):
    write_log(ports, engine, failed, 3, "\x1b[31mred\x1b[0m <script>alert(1)</script>\n")
    page = ada.get(f"/jobs/{failed}/orders/3")
    assert "red <script>alert(1)</script> End of the log." in page.words
    assert "<script>alert" not in page.html


def test_a_log_is_downloaded_as_it_was_written(ports, engine, ada, failed):
    write_log(ports, engine, failed, 3, "\x1b[31mred\x1b[0m\n")
    reply = ada.client.get(f"/jobs/{failed}/orders/3/log")
    assert reply.text == "\x1b[31mred\x1b[0m\n"
    assert reply.header("Content-Type") == "text/plain; charset=utf-8"


def test_a_live_log_is_appended_from_where_it_was(ports, engine, ada):
    job_id = engine.submit()
    engine.look(job_id)
    engine.begin(job_id, 1)
    writer = logs.LogWriter(ports.objects, engine.me.tenant_id, job_id, 1, 1, limit=1000)
    writer.add(b"one\ntwo\n")
    writer.write_due(1.0)
    reply = ada.client.get(f"/jobs/{job_id}/orders/1/log?tail=1&attempt=1&offset=4")
    assert (reply.text, reply.header("Log-Offset"), reply.header("Log-Complete")) == ("two\n", "8", None)


def test_a_very_long_log_leads_to_the_rest(ports, engine, ada, failed):
    write_log(ports, engine, failed, 3, "0123456789\n" * 200_000)
    page = ada.get(f"/jobs/{failed}/orders/3")
    assert "The log is longer than what a page should hold. Read the whole log" in page.words


def test_a_log_too_long_for_an_answer_is_downloaded_by_a_link(ports, engine, ada, failed):
    write_log(ports, engine, failed, 3, "0123456789\n" * 500_000)
    link = ada.leads_to(f"/jobs/{failed}/orders/3/log?attempt=1")
    assert len(ada.client.get(link).body) == 5_500_000


def test_an_order_that_has_not_started_says_so(engine, ada):
    page = ada.get(f"/jobs/{engine.submit()}/orders/1")
    assert "Nothing yet: it has not started." in page.words


@pytest.mark.parametrize("number", ["0", "5", "x", "1e3"])
def test_an_order_that_is_not_there_is_not_found(ada, failed, number):
    ada.get(f"/jobs/{failed}/orders/{number}", 404)


def test_an_order_shows_its_environment_but_no_secret(engine, ada):
    job_id = engine.submit(make.order(env_vars={"BRANCH": "main"}, secrets={"TOKEN": "hunter2"}))
    page = ada.get(f"/jobs/{job_id}/orders/1")
    assert "BRANCH main TOKEN secret, not shown" in page.words
    assert "hunter2" not in page.html


def test_an_order_names_its_neighbours(ada, failed):
    words = ada.get(f"/jobs/{failed}/orders/3").words
    assert "Depends on Succeeded build" in words
    assert "Needed by Failed ship" in words


def test_attempts_have_logs_of_their_own(ports, engine, ada, failed):
    write_log(ports, engine, failed, 3, "first try\n")
    ada.submit(ada.get(f"/jobs/{failed}/retry"), f"/jobs/{failed}/retry")
    engine.look(failed)
    engine.end(failed, 3)
    write_log(ports, engine, failed, 3, "second try\n", attempt=2)
    assert "second try" in ada.get(f"/jobs/{failed}/orders/3").words
    assert "first try" in ada.get(f"/jobs/{failed}/orders/3?attempt=1").words


def test_an_artifact_is_a_link_away(ports, engine, ada, failed):
    order = engine.order(failed, 1)
    key = f"artifacts/{failed}/a"
    ports.objects.put(key, b"built")
    kept = replace(order, artifacts=(Artifact(path="out/a b.txt", size=5, object=key),))
    ports.documents.transact([store.put_order(failed, kept)])
    (link,) = ada.get(f"/jobs/{failed}").all("a", href=f"/jobs/{failed}/orders/1/files/out%2Fa%20b.txt")
    assert ada.client.get(ada.leads_to(link.get("href"))).text == "built"


def test_a_job_of_a_thousand_orders_has_a_row_for_each(engine, ada):
    job_id = engine.submit(*[make.order(f"o{number}") for number in range(1000)], max_parallel=1000)
    page = ada.get(f"/jobs/{job_id}")
    assert len(page.all("tr")) == 1001
