"""Templates in a browser: writing, finding, comparing, sharing, testing."""

import re

import pytest

from tests.pages import signed_in

PROMPT = "Write about {{ city }}."


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


def fields(prompt=PROMPT, **changes):
    typed = {"name": "City portraits", "category": "travel", "step-0-id": "text", "step-0-prompt": prompt}
    return {**typed, "sample": '{"city": "Lyon"}', "do": "save", **changes}


def write(browser, **changes):
    """The address of a new template."""
    reply = browser.submit(browser.get("/templates/new"), "/templates/new", **fields(**changes))
    return reply.header("Location").partition("?")[0]


def edit(browser, path, **changes):
    return browser.submit(browser.get(f"{path}/edit"), f"{path}/edit", do="save", **changes)


def test_a_template_is_written_and_shown(ada):
    page = ada.get(write(ada))
    assert page.title == "City portraits · Millrace"
    assert PROMPT in page.html
    assert "What a seed record needs city" in page.words


def test_templates_that_ship_are_there_from_the_start(ada):
    names = [each.text for each in ada.get("/templates").all("a") if "/templates/" in each.get("href")]
    assert len(names) >= 4


def test_a_list_is_filtered_by_text_category_and_origin(ada):
    write(ada)
    for query, there in (("text=portr", True), ("category=travel", True), ("scope=system", False), ("text=zz", False)):
        assert ("City portraits" in ada.get(f"/templates?{query}").words) is there


def test_nothing_found_says_so(ada):
    assert "No template matches" in ada.get("/templates?text=zzzzz").words


def test_variables_and_the_prompt_are_shown_before_saving(ada):
    reply = ada.submit(ada.get("/templates/new"), "/templates/new", **fields(do="preview"))
    assert reply.status == 200
    assert "Write about Lyon." in reply.text


def test_what_a_seed_record_lacks_is_told(ada):
    reply = ada.submit(ada.get("/templates/new"), "/templates/new", **fields(do="preview", sample="{}"))
    assert "<code>city</code> missing" in reply.text
    assert "Write about &lt;city&gt;." in reply.text


@pytest.mark.parametrize("sample", ["{", "[1]", '"text"'])
def test_a_seed_record_that_is_none_is_told_and_kept(ada, sample):
    reply = ada.submit(ada.get("/templates/new"), "/templates/new", **fields(do="preview", sample=sample))
    assert reply.status == 200
    assert "seed record" in reply.text


def test_a_step_is_added_moved_and_removed_and_nothing_typed_is_lost(ada):
    form = fields(do="add")
    page = ada.submit(ada.get("/templates/new"), "/templates/new", **form)
    assert 'name="step-1-prompt"' in page.text
    more = {"steps": "2", "step-1-id": "short", "step-1-prompt": "Shorten {{ steps.text.output }}", "sample": "{}"}
    moved = ada.post("/templates/new", **{**proof(ada), **form, **more, "do": "up-1"}).text
    assert re.search(r'name="step-0-id" type="text" value="short"', moved)
    left = ada.post("/templates/new", **{**proof(ada), **form, **more, "do": "remove-0"}).text
    assert 'name="step-1-prompt"' not in left


def proof(browser):
    page = browser.get("/templates/new")
    return {"proof": page.all("input", name="proof")[0].get("value")}


def test_faults_lead_to_their_fields_and_what_was_typed_is_kept(ada):
    changes = {"step-0-prompt": "Write {{ city ", "step-0-max_tokens": "many", "step-0-id": "1st"}
    reply = ada.submit(ada.get("/templates/new"), "/templates/new", **{**fields(), **changes})
    assert reply.status == 400
    assert 'href="#step-0-max_tokens"' in reply.text
    assert "Write {{ city" in reply.text


def test_a_prompt_that_is_no_jinja_is_refused_at_its_step(ada):
    reply = ada.submit(ada.get("/templates/new"), "/templates/new", **fields(prompt="Write {{ city "))
    assert reply.status == 400
    assert "Step 1, prompt" in reply.text


def test_a_schema_that_is_no_json_is_refused(ada):
    reply = ada.submit(ada.get("/templates/new"), "/templates/new", **fields(**{"step-0-output_schema": "{nope"}))
    assert reply.status == 400
    assert "is not JSON" in reply.text


def test_an_edit_makes_the_next_version_and_their_difference_is_coloured(ada):
    path = write(ada)
    edit(ada, path, **{"step-0-prompt": "Write about {{ town }}."})
    page = ada.get(f"{path}/versions?from=1&to=2")
    assert [each.text for each in page.all("del")] == ["city"]
    assert [each.text for each in page.all("ins")] == ["town"]


def test_two_editors_do_not_overwrite_each_other(ada):
    path = write(ada)
    old = ada.get(f"{path}/edit")
    edit(ada, path, description="first")
    reply = ada.submit(old, f"{path}/edit", do="save", description="second")
    assert reply.status == 412
    assert "Somebody saved another version meanwhile" in reply.text
    assert 'value="second"' in reply.text


def test_an_earlier_version_is_restored_as_the_next(ada):
    path = write(ada)
    edit(ada, path, **{"step-0-prompt": "Other {{ word }}"})
    page = ada.get(f"{path}?version=1")
    assert "This is version 1 of 2" in page.words
    restored = ada.follow(ada.submit(page, f"{path}/restore"))
    assert PROMPT in restored.html
    assert "Version 3" in restored.words


def test_a_shared_template_is_read_and_forked_by_others_but_not_edited(ada, people):
    path = write(ada)
    stranger = signed_in(people, people.stranger)
    stranger.get(path, 404)
    ada.submit(ada.get(path), f"{path}/share")
    page = stranger.get(path)
    assert not [each for each in page.all("a") if each.get("href") == f"{path}/edit"]
    forked = stranger.follow(stranger.submit(page, f"{path}/fork"))
    assert "This copy is yours" in forked.words


def test_what_is_exported_imports_again(ada):
    reply = ada.client.get(f"{write(ada)}/export")
    assert reply.header("Content-Disposition").startswith("attachment")
    made = ada.submit(ada.get("/templates/import"), "/templates/import", text=reply.text.replace("City", "Town"))
    assert "Town portraits" in ada.follow(made).title


def test_an_import_with_faults_keeps_the_text(ada):
    reply = ada.submit(ada.get("/templates/import"), "/templates/import", text="name: x\nsteps: none\n")
    assert reply.status == 400
    assert "name: x" in reply.text


def test_prompts_of_a_test_cost_nothing(ada):
    path = write(ada)
    reply = ada.submit(ada.get(f"{path}/test"), f"{path}/test", sample='{"city": "Bern"}', do="prompts")
    assert "Write about Bern." in reply.text
    assert "The model answers" not in reply.text


def test_a_real_test_says_what_it_cost(ada):
    path = write(ada)
    reply = ada.submit(ada.get(f"{path}/test"), f"{path}/test", sample='{"city": "Bern"}', do="real", budget="0.05")
    assert "The model answers" in reply.text
    assert "cost $0.0" in reply.text


def test_a_budget_that_is_no_amount_is_told(ada):
    path = write(ada)
    reply = ada.submit(ada.get(f"{path}/test"), f"{path}/test", do="real", budget="lots")
    assert reply.status == 400
    assert "no amount" in reply.text


def test_a_template_is_deleted(ada):
    path = write(ada)
    assert "deleted" in ada.follow(ada.submit(ada.get(path), f"{path}/delete")).words
    ada.get(path, 404)


def test_a_viewer_looks_and_does_not_write(ada, people):
    path = write(ada)
    viewer = signed_in(people, people.viewer)
    page = viewer.get(path)
    assert [each.get("action") for each in page.all("form")] == ["/logout"]
    viewer.get("/templates/new", 403)


@pytest.mark.parametrize("name", ["x", "1e5", "9" * 40])
def test_a_version_that_is_no_number_is_not_found(ada, name):
    ada.get(f"{write(ada)}?version={name}", 404)


def test_what_was_typed_is_never_markup(ada):
    reply = ada.submit(
        ada.get("/templates/new"),
        "/templates/new",
        **fields(prompt="</textarea><script>alert(1)</script>", do="preview"),
    )
    assert "<script>alert" not in reply.text
