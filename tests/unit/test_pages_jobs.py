"""The list of jobs, writing one, and what is done to many."""

import pytest

from chalicelib.jobs.model import OrderStatus
from chalicelib.jobs.submission import parse_submission
from frontend.examples import examples
from tests import make
from tests.engine import Engine
from tests.pages import Page, signed_in


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


@pytest.fixture
def engine(ports, people):
    engine = Engine(ports)
    engine.me = people.caller(people.owner)
    return engine


def finish(engine, job_id, status=OrderStatus.SUCCEEDED):
    engine.look(job_id)
    engine.end(job_id, 1, status)
    return job_id


def test_an_empty_list_teaches_with_an_example_that_runs(ada):
    page = ada.get("/jobs")
    assert "No jobs yet" in page.words
    assert ada.submit(page, "/jobs/new").header("Location").startswith("/jobs/")


def test_a_job_is_listed_with_its_state_and_progress(engine, ada):
    finish(engine, engine.submit(make.order("build"), name="release"))
    words = ada.get("/jobs").words
    assert "release" in words
    assert "Succeeded 1 of 1 order done" in words


def test_a_list_with_warnings_says_so(engine, ada):
    finish(engine, engine.submit(make.order(must_succeed=False), name="lint"), OrderStatus.FAILED)
    assert "Succeeded with warnings 1 warning" in ada.get("/jobs").words


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=succeeded", ["first"]),
        ("status=queued", ["second"]),
        ("text=SEC", ["second"]),
        ("kind=shell", ["second", "first"]),
        ("kind=other", []),
        ("since=2026-11-20", ["second", "first"]),
        ("since=2026-11-21", []),
        ("until=2026-11-19", []),
        ("until=2026-11-20", ["second", "first"]),
        ("status=nonsense&since=yesterday", ["second", "first"]),
    ],
)
def test_a_list_is_filtered(engine, ada, query, found):
    finish(engine, engine.submit(name="first"))
    engine.submit(name="second")
    names = [link.text for link in ada.get(f"/jobs?{query}").all("a", class_="name")]
    assert names == found


def test_filters_are_kept_in_the_form(engine, ada):
    engine.submit()
    page = ada.get("/jobs?text=zzz&status=failed&since=2026-11-20")
    assert "No job matches" in page.words
    assert 'value="zzz"' in page.html
    assert '<option value="failed" selected>' in page.html


def test_a_long_list_has_pages(engine, ada):
    for number in range(51):
        engine.submit(name=f"job-{number:02d}")
    page = ada.get("/jobs?kind=shell")
    (link,) = page.all("a", rel="next")
    assert [each.text for each in ada.get(link.get("href")).all("a", class_="name")] == ["job-00"]
    assert "kind=shell" in link.get("href")


def test_another_organisations_jobs_are_not_listed(engine, people):
    engine.submit(name="secret plan")
    assert "secret plan" not in signed_in(people, people.stranger).get("/jobs").words


def test_many_jobs_are_cancelled_with_a_line_for_each(engine, ada):
    running, ended = engine.submit(), finish(engine, engine.submit())
    reply = ada.submit(ada.get("/jobs"), "/jobs/bulk", action="cancel", job=[running, ended, "nosuch"])
    assert "1 of 3 jobs done" in reply.text
    assert engine.job(running).cancel_requested_by == "ada@engines.example"


def test_many_jobs_are_deleted_after_one_more_question(engine, ada):
    ended = finish(engine, engine.submit())
    asked = Page(ada.submit(ada.get("/jobs"), "/jobs/bulk", action="delete", job=[ended]))
    assert ada.get(f"/jobs/{ended}")
    assert "1 of 1 job done" in ada.submit(asked, "/jobs/bulk").text
    assert ada.get(f"/jobs/{ended}", 404)


def test_an_unknown_bulk_action_is_refused(engine, ada):
    engine.submit()
    assert ada.submit(ada.get("/jobs"), "/jobs/bulk", action="explode").status == 400


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.key)
def test_every_example_can_be_submitted(example):
    assert parse_submission(example.text).orders


def test_an_example_is_chosen_by_its_address(ada):
    (text,) = ada.get("/jobs/new?example=fan").all("textarea")
    assert "name: word count" in text.text


def test_a_job_is_submitted_as_yaml_or_json(engine, ada):
    for text in ("orders: [{cmds: [date], timeout: 5}]", '{"orders": [{"cmds": ["date"], "timeout": 5}]}'):
        reply = ada.submit(ada.get("/jobs/new"), "/jobs/new", submission=text)
        assert "Queued" in ada.follow(reply).title


def test_a_file_is_taken_instead_of_the_text(engine, ada):
    page = ada.get("/jobs/new")
    proof = next(each.get("value") for each in page.all("input", name="proof"))
    parts = [("proof", "", proof), ("submission", "", "not: this"), ("file", "job.yaml", FILE)]
    body = b"".join(part(*each) for each in parts) + b"--edge--\r\n"
    reply = ada.client.post("/jobs/new", body=body, headers={"Content-Type": "multipart/form-data; boundary=edge"})
    assert ada.follow(reply).title.startswith("Queued: от файла")


FILE = "name: от файла\r\norders:\r\n  - {cmds: ['printf a\\nb'], timeout: 5}\r\n"


def part(name, filename, text):
    extra = f'; filename="{filename}"\r\nContent-Type: application/x-yaml' if filename else ""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{text}\r\n'.encode()


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=other", "text/plain"])
def test_a_form_that_no_browser_sends_is_refused(ada, kind):
    reply = ada.client.post("/jobs/new", body=part("proof", "", "x"), headers={"Content-Type": kind})
    assert reply.status in (400, 403, 415)


def test_faults_are_shown_at_their_lines_and_the_text_is_kept(ada):
    text = "orders:\n  - cmds: [date]\n    timeout: soon\n    wat: 1\n"
    reply = ada.submit(ada.get("/jobs/new"), "/jobs/new", submission=text)
    assert reply.status == 400
    assert "2 faults to mend" in reply.text
    assert 'href="#line-3"' in reply.text
    assert 'id="line-4" class="bad"' in reply.text
    assert text in reply.text


def test_text_that_is_no_yaml_has_its_place_too(ada):
    reply = ada.submit(ada.get("/jobs/new"), "/jobs/new", submission="orders: [\n  {")
    assert reply.status == 400
    assert "1 fault to mend" in reply.text


def test_what_was_typed_is_never_markup(ada):
    text = "name: </textarea><script>alert(1)</script>\norders: 5"
    reply = ada.submit(ada.get("/jobs/new"), "/jobs/new", submission=text)
    assert "<script>alert" not in reply.text


def test_a_viewer_is_told_that_they_may_only_look(people):
    page = signed_in(people, people.viewer).get("/jobs/new", status=403)
    assert "Viewers can look" in page.words


def test_a_cursor_that_is_not_ours_is_a_fault_and_not_a_crash(ada):
    ada.get("/jobs?cursor=nonsense", 400)
