from datetime import timedelta

import pytest

from tests.client import environ

CONTENT = bytes(range(256)) * 8192
HOUR = timedelta(hours=1)


@pytest.fixture
def link(ports):
    ports.objects.put("a/b", CONTENT)
    return ports.objects.get_link("a/b", lasts=HOUR, filename='Größe "1"\r\n.txt')


def test_a_link_downloads_the_object(people, link):
    reply = people.nobody.get(link)
    assert (reply.status, reply.body, reply.header("Content-Length")) == (200, CONTENT, str(len(CONTENT)))


def test_a_download_is_never_shown_in_the_browser(people, link):
    reply = people.nobody.get(link)
    shown = [reply.header(name) for name in ("Content-Type", "X-Content-Type-Options", "Content-Security-Policy")]
    assert shown == ["application/octet-stream", "nosniff", "default-src 'none'; sandbox"]


def test_a_download_has_its_name_whatever_is_in_it(people, link):
    name = people.nobody.get(link).header("Content-Disposition")
    assert name == "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22%0D%0A.txt"


def test_head_tells_the_size(people, link):
    reply = people.nobody.send("HEAD", link)
    assert (reply.body, reply.header("Content-Length")) == (b"", str(len(CONTENT)))


def test_a_download_can_go_on_where_it_broke_off(people, link):
    reply = people.nobody.get(link, headers={"Range": "bytes=1000000-"})
    assert (reply.status, reply.body) == (206, CONTENT[1_000_000:])
    assert reply.header("Content-Range") == f"bytes 1000000-{len(CONTENT) - 1}/{len(CONTENT)}"


def test_a_download_cannot_begin_behind_its_end(people, link):
    assert people.nobody.get(link, headers={"Range": f"bytes={len(CONTENT)}-"}).status == 416


@pytest.mark.parametrize("wanted", ["bytes=0-5", "bytes=-5", "lines=1-", "x", "bytes=1-,2-"])
def test_other_ranges_get_the_whole(people, link, wanted):
    assert people.nobody.get(link, headers={"Range": wanted}).status == 200


def test_a_link_expires(people, link):
    people.ports.clock.tick(HOUR.total_seconds())
    reply = people.nobody.get(link)
    assert (reply.status, reply.json["type"]) == (404, "/api/docs#not-found")


def test_a_link_to_read_does_not_write(people, link):
    assert people.nobody.put(link, body=b"x").status == 404


def test_a_link_takes_one_upload(people):
    link = people.ports.objects.put_link("c/d", lasts=HOUR, most=len(CONTENT))
    replies = [people.nobody.put(link, body=CONTENT), people.nobody.put(link, body=b"x")]
    assert ([each.status for each in replies], people.ports.objects.get("c/d")) == ([200, 409], CONTENT)


def test_another_method_is_told_which_are_possible(people, link):
    reply = people.nobody.post(link)
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD, PUT")


def test_the_log_keeps_the_link_secret(people, link, capfd):
    people.nobody.get(link)
    assert link.removeprefix("/files/") not in capfd.readouterr().out


def test_an_upload_that_breaks_off_leaves_nothing(people):
    link = people.ports.objects.put_link("c/d", lasts=HOUR, most=len(CONTENT))
    made = {**environ("PUT", link, b"half", {}), "CONTENT_LENGTH": "8"}
    told = []
    people.wsgi(made, lambda status, _: told.append(status))
    assert (told, people.nobody.put(link, body=b"whole").status) == (["400 Bad Request"], 200)


def test_an_upload_must_say_its_length(people):
    link = people.ports.objects.put_link("c/d", lasts=HOUR, most=len(CONTENT))
    assert people.nobody.put(link).status == 400


def test_an_upload_may_have_as_many_bytes_as_its_link_takes(people):
    link = people.ports.objects.put_link("c/d", lasts=HOUR, most=3)
    replies = [people.nobody.put(link, body=b"four"), people.nobody.put(link, body=b"two")]
    assert ([each.status for each in replies], people.ports.objects.get("c/d")) == ([413, 200], b"two")


def test_of_an_upload_no_more_is_read_than_it_said_to_have(people):
    link = people.ports.objects.put_link("c/d", lasts=HOUR, most=3)
    made = {**environ("PUT", link, b"a lot more", {}), "CONTENT_LENGTH": "3"}
    people.wsgi(made, lambda *_: None)
    assert people.ports.objects.get("c/d") == b"a l"
