"""Seed data in a browser."""

import pytest

from tests.pages import Page, signed_in

EDGE = "multipart/form-data; boundary=edge"
CSV = "city,mood\nLyon,glad\nBern,calm\n"


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


def upload(browser, text, *, filename="cities.csv", **fields):
    """The reply to the form with this file in it."""
    page = browser.get("/seeds/new")
    fields = {"proof": page.all("input", name="proof")[0].get("value"), **fields}
    parts = [part(name, "", value.encode()) for name, value in fields.items()]
    body = b"".join([*parts, part("file", filename, text if isinstance(text, bytes) else text.encode())])
    reply = browser.client.post("/seeds/new", body=body + b"--edge--\r\n", headers={"Content-Type": EDGE})
    return reply if reply.status == 303 else Page(reply).reply


def part(name, filename, content):
    extra = f'; filename="{filename}"' if filename else ""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + content + b"\r\n"


def test_an_upload_is_shown_as_a_table(ada):
    page = ada.follow(upload(ada, CSV))
    assert page.title == "Ready: cities · Millrace"
    assert "1 Lyon glad 2 Bern calm" in page.words


@pytest.mark.parametrize(
    ("text", "filename"),
    [('[{"city": "Lyon"}]', "a.json"), ('{"city": "Lyon"}\n{"city": "Bern"}\n', "a.jsonl"), ("\ufeff" + CSV, "a.csv")],
)
def test_every_format_is_read(ada, text, filename):
    assert "Lyon" in ada.follow(upload(ada, text, filename=filename)).words


def test_a_name_can_be_given(ada):
    upload(ada, CSV, name="Places")
    assert "Places" in ada.get("/seeds?text=plac").words
    assert "No seed data matches" in ada.get("/seeds?text=zzz").words


def test_faults_are_told_with_their_lines(ada):
    reply = upload(ada, "city,mood\nLyon,glad\nBern\n")
    assert reply.status == 400
    assert "line 3" in reply.text


@pytest.mark.parametrize("content", ["", b"\xff\xfe\x00bad"])
def test_what_is_no_data_is_refused_with_a_reason(ada, content):
    assert upload(ada, content).status == 400


def test_an_upload_leads_back_to_where_it_was_asked_for(ada):
    location = upload(ada, CSV, next="/generate?template=t1").header("Location")
    assert location.startswith("/generate?template=t1&seeds=")


def test_an_upload_leads_nowhere_else(ada):
    assert upload(ada, CSV, next="//elsewhere.example").header("Location").startswith("/seeds/")


def test_a_script_gets_a_link_and_says_when_it_is_done(ada, people):
    page = ada.get("/seeds/new")
    proof = page.all("input", name="proof")[0].get("value")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    begun = ada.client.post("/seeds/link", body=f"proof={proof}&filename=a.csv".encode(), headers=form).json
    ada.client.put(begun["href"], body=CSV.encode())
    reply = ada.post("/seeds/new", proof=proof, upload=begun["upload"])
    assert "Lyon" in ada.follow(reply).words


def test_a_large_file_with_faults_shows_them_on_its_page(ada):
    proof = ada.get("/seeds/new").all("input", name="proof")[0].get("value")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    begun = ada.client.post("/seeds/link", body=f"proof={proof}&filename=a.csv".encode(), headers=form).json
    ada.client.put(begun["href"], body=b"a,b\n1\n")
    page = ada.follow(ada.post("/seeds/new", proof=proof, upload=begun["upload"]))
    assert "Has faults" in page.title
    assert "Line 2" in page.words


def test_a_link_is_for_known_kinds_of_files_only(ada):
    proof = ada.get("/seeds/new").all("input", name="proof")[0].get("value")
    assert ada.post("/seeds/link", proof=proof, filename="a.exe").status == 400


def test_seed_data_is_made_up_for_a_template(ada):
    page = ada.get("/seeds/new")
    template = next(each.get("value") for each in page.all("option") if each.get("value"))
    made = ada.follow(ada.submit(page, "/seeds/generate", template=template, count="7"))
    assert "7 records" in made.words


@pytest.mark.parametrize("count", ["0", "many", "10001"])
def test_a_number_to_make_up_is_checked(ada, count):
    page = ada.get("/seeds/new")
    template = next(each.get("value") for each in page.all("option") if each.get("value"))
    assert ada.submit(page, "/seeds/generate", template=template, count=count).status == 400


def test_a_long_table_has_pages(ada):
    address = upload(ada, "n\n" + "".join(f"v{n}\n" for n in range(60))).header("Location").partition("?")[0]
    (link,) = ada.get(address).all("a", rel="next")
    assert "51 v50" in ada.get(link.get("href")).words


def test_long_values_are_folded(ada):
    page = ada.follow(upload(ada, f"text\n{'word ' * 100}\n"))
    assert len(page.all("details")) >= 1


def test_seed_data_is_deleted(ada):
    page = ada.follow(upload(ada, CSV))
    address = page.form(next(f.get("action") for f in page.all("form") if "delete" in f.get("action"))).get("action")
    assert "deleted" in ada.follow(ada.submit(page, address)).words


def test_another_organisations_seed_data_is_not_found(ada, people):
    address = upload(ada, CSV).header("Location").partition("?")[0]
    signed_in(people, people.stranger).get(address, 404)


def test_a_viewer_looks_at_it_and_adds_none(ada, people):
    address = upload(ada, CSV).header("Location").partition("?")[0]
    viewer = signed_in(people, people.viewer)
    assert "Lyon" in viewer.get(address).words
    viewer.get("/seeds/new", 403)


def test_what_was_uploaded_is_never_markup(ada):
    assert "<script>alert" not in ada.follow(upload(ada, "x\n<script>alert(1)</script>\n")).html
