"""Every route of templates, in both homes: owner, teammate, viewer and stranger."""

import json

import pytest

pytestmark = pytest.mark.integration

STEPS = [
    {"id": "draft", "prompt": "Describe {{ name }}.", "model_tier": 1, "max_tokens": 50},
    {"id": "short", "prompt": "In two lines: {{ steps.draft.output }}", "model": "offline/small", "temperature": 0},
]
TEMPLATE = {"name": "Two lines", "description": "About a product", "category": "shop", "steps": STEPS}


def made(client, **changes):
    reply = client.post("/api/templates", {**TEMPLATE, **changes})
    assert reply.status == 201, reply.text
    return reply.json


def put(client, template_id, data, **headers):
    body = json.dumps(data).encode()
    told = {"Content-Type": "application/json", **headers}
    return client.put(f"/api/templates/{template_id}", body=body, headers=told)


def edited(client, template_id, prompt):
    reply = put(client, template_id, {**TEMPLATE, "steps": [{"id": "draft", "prompt": prompt}]})
    assert reply.status == 200, reply.text
    return reply.json


def faults(reply):
    assert reply.status == 400, reply.text
    return {each["place"]: each["message"] for each in reply.json["fields"]}


def test_it_works(people):
    template = made(people.owner)
    seen = people.viewer.get(f"/api/templates/{template['template_id']}").json
    assert seen == template
    assert (seen["version"], seen["variables"], seen["mine"]) == (1, {"required": ["name"], "optional": []}, True)


def test_it_leads_to_where_it_is(people):
    reply = people.teammate.post("/api/templates", TEMPLATE)
    assert reply.header("Location") == f"/api/templates/{reply.json['template_id']}"


def test_a_repeated_request_makes_one_template(people):
    headers = {"Idempotency-Key": "once"}
    ids = {people.owner.post("/api/templates", TEMPLATE, headers=headers).json["template_id"] for _ in range(2)}
    assert len(ids) == len(people.owner.get("/api/templates").json["items"]) == 1


def test_faults_of_prompts_are_all_told_with_their_lines(people):
    steps = [{"id": "a", "prompt": "x\n{{ y | nothing }}"}, {"id": "b", "prompt": "{% if %}"}]
    told = faults(people.owner.post("/api/templates", {**TEMPLATE, "steps": steps}))
    assert told["steps[0].prompt"] == "line 2: there is no filter `nothing`"
    assert told["steps[1].prompt"].startswith("line 1: ")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"steps": []}, "steps"),
        ({"steps": [{"id": f"s{n}", "prompt": "x"} for n in range(11)]}, "steps"),
        ({"steps": [{"id": "a", "prompt": "x" * 50_001}]}, "steps[0].prompt"),
        ({"steps": [{"id": "a"}]}, "steps[0].prompt"),
        ({"steps": [{"id": "a", "prompt": "{{ steps.b.output }}"}, {"id": "b", "prompt": "x"}]}, "steps[0].prompt"),
        ({"steps": [{"id": "a", "prompt": "x", "output_schema": {"type": "nothing"}}]}, "steps[0].output_schema"),
        ({"steps": [{"id": "a", "prompt": "x", "model": "offline/small", "model_tier": 1}]}, "steps[0]"),
    ],
)
def test_what_a_template_may_not_be(people, change, place):
    assert place in faults(people.owner.post("/api/templates", {**TEMPLATE, **change}))


def test_a_viewer_makes_none(people):
    assert people.viewer.post("/api/templates", TEMPLATE).status == 403


def test_a_stranger_sees_nothing_of_it(people):
    template_id = made(people.owner)["template_id"]
    paths = ["", "/versions", "/versions/1", "/export", "/diff?old=1&new=1"]
    assert {people.stranger.get(f"/api/templates/{template_id}{path}").status for path in paths} == {404}
    assert people.stranger.get("/api/templates").json["items"] == []


def test_a_stranger_changes_nothing_of_it(people):
    address = f"/api/templates/{made(people.owner)['template_id']}"
    replies = [
        put(people.stranger, address.rpartition("/")[2], TEMPLATE),
        people.stranger.patch(address, {"is_public": True}),
        people.stranger.post(f"{address}/fork"),
        people.stranger.post(f"{address}/restore", {"version": 1}),
        people.stranger.post(f"{address}/test", {"record": {}}),
        people.stranger.delete(address),
    ]
    assert {each.status for each in replies} == {404}


def test_an_edit_makes_the_next_version_and_keeps_the_one_before(people):
    template_id = made(people.owner)["template_id"]
    assert edited(people.teammate, template_id, "Praise {{ title }}.")["version"] == 2
    first = people.owner.get(f"/api/templates/{template_id}/versions/1").json
    assert (first["steps"][0]["prompt"], first["variables"]["required"]) == ("Describe {{ name }}.", ["name"])


def test_an_edit_that_changes_nothing_makes_no_version(people):
    template_id = made(people.owner)["template_id"]
    assert put(people.owner, template_id, TEMPLATE).json["version"] == 1


def test_an_edit_of_what_changed_meanwhile_is_refused(people):
    address = f"/api/templates/{made(people.owner)['template_id']}"
    tag = people.owner.get(address).header("ETag")
    edited(people.teammate, address.rpartition("/")[2], "new")
    reply = put(people.owner, address.rpartition("/")[2], TEMPLATE, **{"If-Match": tag})
    assert (reply.status, people.owner.get(address).json["version"]) == (412, 2)


def test_versions_are_listed_newest_first(people):
    template_id = made(people.owner)["template_id"]
    edited(people.owner, template_id, "new")
    page = people.viewer.get(f"/api/templates/{template_id}/versions?limit=1").json
    rest = people.viewer.get(f"/api/templates/{template_id}/versions?limit=1&cursor={page['cursor']}").json
    assert [each["version"] for each in [*page["items"], *rest["items"]]] == [2, 1]


@pytest.mark.parametrize("number", ["2", "0", "x", "9999999"])
def test_a_version_that_is_not_there(people, number):
    template_id = made(people.owner)["template_id"]
    assert people.owner.get(f"/api/templates/{template_id}/versions/{number}").status == 404


def test_two_versions_are_compared(people):
    template_id = made(people.owner, steps=[{"id": "draft", "prompt": "one\ntwo"}])["template_id"]
    edited(people.owner, template_id, "one\nthree")
    [section] = people.viewer.get(f"/api/templates/{template_id}/diff?old=1&new=2").json["sections"]
    assert section["place"] == "steps.draft.prompt"
    assert [(each["tag"], each["text"]) for each in section["lines"]] == [(" ", "one"), ("-", "two"), ("+", "three")]


def test_restoring_makes_a_new_version_of_an_old_one(people):
    template_id = made(people.owner)["template_id"]
    edited(people.owner, template_id, "new")
    restored = people.owner.post(f"/api/templates/{template_id}/restore", {"version": 1}).json
    assert (restored["version"], restored["steps"][0]["prompt"]) == (3, "Describe {{ name }}.")
    lines = people.owner.get(f"/api/templates/{template_id}/versions").json["items"]
    assert lines[0]["note"] == "restored from version 1"


def test_restoring_what_is_current_is_refused(people):
    template_id = made(people.owner)["template_id"]
    assert people.owner.post(f"/api/templates/{template_id}/restore", {"version": 1}).status == 409


def test_what_is_shared_is_read_by_everybody_and_changed_by_its_owners(people):
    address = f"/api/templates/{made(people.owner)['template_id']}"
    assert people.owner.patch(address, {"is_public": True}).json["is_public"] is True
    seen = people.stranger.get(address).json
    assert (seen["mine"], seen["created_by"]) == (False, "")
    assert people.stranger.delete(address).status == 403
    [found] = people.stranger.get("/api/templates?scope=shared").json["items"]
    assert found["template_id"] == seen["template_id"]


def test_what_is_no_longer_shared_is_gone_for_others(people):
    address = f"/api/templates/{made(people.owner, is_public=True)['template_id']}"
    people.owner.patch(address, {"is_public": False})
    assert people.stranger.get(address).status == 404
    assert people.stranger.get("/api/templates?scope=shared").json["items"] == []


def test_a_fork_is_ones_own_and_remembers_its_origin(people):
    origin = made(people.owner, is_public=True)
    fork = people.stranger.post(f"/api/templates/{origin['template_id']}/fork").json
    assert (fork["mine"], fork["is_public"], fork["steps"]) == (True, False, origin["steps"])
    assert fork["forked_from"] == {"template_id": origin["template_id"], "version": 1, "name": "Two lines"}


def test_an_earlier_version_is_forked(people):
    template_id = made(people.owner)["template_id"]
    edited(people.owner, template_id, "new")
    fork = people.owner.post(f"/api/templates/{template_id}/fork", {"version": 1}).json
    assert (fork["version"], fork["steps"][0]["prompt"]) == (1, "Describe {{ name }}.")


def test_what_is_exported_imports_again(people):
    steps = [*STEPS, {"id": "last", "prompt": "é: 'yes'\n  {{ name }}\n", "output_schema": {"type": "object"}}]
    template = made(people.owner, steps=steps)
    text = people.viewer.get(f"/api/templates/{template['template_id']}/export").body
    reply = people.stranger.post("/api/templates/import", body=text, headers={"Content-Type": "application/yaml"})
    names = ("name", "description", "category", "steps", "variables")
    assert {name: reply.json[name] for name in names} == {name: template[name] for name in names}


@pytest.mark.parametrize("text", [b"name: [", b"\xff", b"", b"- a", b"name: x\nsteps: &a [*a]"])
def test_what_is_no_template_is_not_imported(people, text):
    headers = {"Content-Type": "application/yaml"}
    assert people.owner.post("/api/templates/import", body=text, headers=headers).status == 400


def test_lists_are_searched(people):
    made(people.owner)
    made(people.owner, name="Poem", category="verse", description="")
    found = people.viewer.get("/api/templates?text=PRODUCT").json["items"]
    assert [each["name"] for each in found] == ["Two lines"]
    assert [each["name"] for each in people.viewer.get("/api/templates?category=verse").json["items"]] == ["Poem"]


def test_the_last_changed_comes_first_page_by_page(people, ports):
    names = ["a", "b", "c"]
    for name in names:
        made(people.owner, name=name)
        ports.clock.tick(1)
    first = people.owner.get("/api/templates?limit=2")
    rest = people.owner.get(f"/api/templates?limit=2&cursor={first.json['cursor']}").json
    assert [each["name"] for each in first.json["items"] + rest["items"]] == ["c", "b", "a"]
    assert 'rel="next"' in first.header("Link")


def test_templates_that_ship_are_there_and_read_only(people):
    shipped = people.viewer.get("/api/templates?scope=system").json["items"]
    assert len(shipped) == 4
    address = f"/api/templates/{shipped[0]['template_id']}"
    assert (people.owner.delete(address).status, people.owner.get(address).json["is_system"]) == (403, True)


def test_templates_that_ship_can_be_forked(people):
    reply = people.teammate.post("/api/templates/system-story/fork")
    assert (reply.status, reply.json["mine"]) == (201, True)


def test_a_deleted_template_is_gone_with_its_versions(people, ports):
    address = f"/api/templates/{made(people.owner)['template_id']}"
    assert people.teammate.delete(address).status == 204
    assert {people.owner.get(f"{address}{path}").status for path in ("", "/versions/1")} == {404}
    assert ports.objects.list("templates/") == []


def test_variables_are_found_without_saving(people):
    reply = people.viewer.post("/api/templates/check", {**TEMPLATE, "steps": [{"id": "a", "prompt": "{{ a.b }}"}]})
    assert reply.json == {"required": ["a.b"], "optional": []}
    assert people.owner.get("/api/templates").json["items"] == []


def test_a_preview_shows_the_prompts_of_what_is_not_saved(people):
    body = {"template": TEMPLATE, "records": [{"name": "a kettle"}, {"nam": "x"}]}
    first, second = people.viewer.post("/api/templates/preview", body).json
    prompts = [each["prompt"] for each in first["steps"]]
    assert prompts == ["Describe a kettle.", "In two lines: (the output of draft)"]
    assert second["steps"][0]["fault"] == "line 1: 'name' is undefined"


def test_a_test_shows_the_prompts_and_costs_nothing(people):
    template_id = made(people.owner)["template_id"]
    tried = people.viewer.post(f"/api/templates/{template_id}/test", {"record": {"name": "a kettle"}}).json
    assert (tried["steps"][0]["prompt"], tried["steps"][0]["output"], tried["cost"]) == ("Describe a kettle.", None, 0)


def test_a_real_test_asks_the_models_within_its_budget(people):
    template_id = made(people.owner)["template_id"]
    body = {"record": {"name": "a kettle"}, "real": True, "budget": 0.01}
    tried = people.teammate.post(f"/api/templates/{template_id}/test", body).json
    assert tried["steps"][1]["prompt"] == f"In two lines: {tried['steps'][0]['output']}"
    assert 0 < tried["cost"] <= 10_000


def test_a_real_test_is_among_what_was_spent(people):
    template_id = made(people.owner)["template_id"]
    body = {"record": {"name": "a kettle"}, "real": True, "budget": 0.01}
    tried = people.owner.post(f"/api/templates/{template_id}/test", body).json
    rows = people.owner.get("/api/costs?by=template&since=2026-11-20&until=2026-11-20").json
    assert [(each["label"], each["cost"]) for each in rows["items"]] == [("Two lines", tried["cost"])]


def test_a_real_test_beyond_its_budget_asks_nobody(people):
    template_id = made(people.owner)["template_id"]
    body = {"record": {"name": "a kettle"}, "real": True, "budget": 0.000001}
    reply = people.owner.post(f"/api/templates/{template_id}/test", body)
    assert (reply.status, reply.json["type"]) == (409, "/api/docs#budget-exceeded")


def test_a_viewer_spends_nothing(people):
    template_id = made(people.owner)["template_id"]
    body = {"record": {"name": "a kettle"}, "real": True, "budget": 1}
    assert people.viewer.post(f"/api/templates/{template_id}/test", body).status == 403


def test_one_s_own_template_is_included_by_name_and_by_id(people):
    style = made(people.owner, name="House style", steps=[{"id": "a", "prompt": "Plainly, {{ reader }}."}])
    for name in ("house style", style["template_id"], f"{style['template_id']}@1/a"):
        steps = [{"id": "a", "prompt": f"{{% include '{name}' %}} Go."}]
        template = made(people.owner, steps=steps)
        tried = people.owner.post(f"/api/templates/{template['template_id']}/test", {"record": {"reader": "Ada"}}).json
        assert tried["steps"][0]["prompt"] == "Plainly, Ada. Go."
        assert template["variables"]["required"] == ["reader"]


def test_an_include_means_the_version_that_it_was_saved_with(people):
    style = made(people.owner, name="Style", steps=[{"id": "draft", "prompt": "old"}])
    template = made(people.owner, steps=[{"id": "a", "prompt": "{% include 'Style' %}"}])
    edited(people.owner, style["template_id"], "new")
    tried = people.owner.post(f"/api/templates/{template['template_id']}/test", {}).json
    assert tried["steps"][0]["prompt"] == "old"


def test_what_one_may_not_read_is_not_included(people):
    secret = made(people.owner)
    steps = [{"id": "a", "prompt": f"{{% include '{secret['template_id']}' %}}"}]
    told = faults(people.stranger.post("/api/templates", {**TEMPLATE, "steps": steps}))
    assert "There is no template" in told["steps"]


def test_what_is_no_longer_shared_is_no_longer_included(people):
    shared = made(people.owner, is_public=True)["template_id"]
    steps = [{"id": "a", "prompt": f"{{% include '{shared}' %}}"}]
    template_id = made(people.stranger, steps=steps)["template_id"]
    people.owner.patch(f"/api/templates/{shared}", {"is_public": False})
    reply = people.stranger.post(f"/api/templates/{template_id}/test", {"record": {"name": "x"}})
    assert "what is included is gone" in faults(reply)[""]


def test_changes_are_in_the_audit(people, ports):
    template_id = made(people.owner)["template_id"]
    edited(people.teammate, template_id, "new")
    people.owner.patch(f"/api/templates/{template_id}", {"is_public": True})
    people.owner.delete(f"/api/templates/{template_id}")
    entries = ports.documents.query(f"audit#{people.tenant_id}").items
    actions = [each.body["action"] for each in entries if each.body["resource"] == f"template/{template_id}"]
    assert actions == ["template.create", "template.edit", "template.share", "template.delete"]
