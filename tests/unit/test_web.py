"""What holds for every route, shown on an application of a few small ones."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import rest
from chalicelib.accounts.permissions import Permission
from chalicelib.application import Outside
from chalicelib.documents import ConditionFailed, Key
from chalicelib.errors import Unavailable
from chalicelib.exchange import Answer, json_answer, redirect
from chalicelib.files import Files
from chalicelib.gateway import Gateway
from chalicelib.web import Application, Blueprint, current
from tests.client import Client, environ

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
things = Blueprint("tests.things", rest.Bearer())
door = threading.Barrier(8, timeout=10)


@things.route("/mine", permission=Permission.ACCOUNT_READ)
def mine(request):
    return json_answer({"email": request.caller.email})


@things.route("/open/{name}", public=True)
def show(request, name):
    return json_answer({"name": name, "query": dict(request.query)})


@things.route("/open/fixed", public=True)
def fixed(request):
    return json_answer("fixed")


@things.route("/together/{name}", public=True)
def together(request, name):
    door.wait()
    return json_answer([name, current().path, things.current_request.uri_params["name"], request.first("q")])


@things.route("/broken", public=True)
def broken(request):
    raise RuntimeError("the secret of the code")


@things.route("/unavailable", public=True)
def unavailable(request):
    raise Unavailable("The database is away.")


@things.route("/raced", public=True)
def raced(request):
    raise ConditionFailed([Key("inner", "workings")])


@things.route("/split", public=True)
def split(request):
    return redirect("/x\r\nSet-Cookie: evil=1")


@things.route("/cookies", public=True)
def cookies(request):
    return Answer(b"", 200, {"Set-Cookie": ["a=1", "b=2"]})


@things.route("/bytes", public=True)
def octets(request):
    return Answer(b"\xff\x00", 200, {"Content-Type": "image/png"})


@things.route("/huge", public=True)
def huge(request):
    return Answer(b"x" * 4_500_001)


@things.route("/long", public=True)
def long_text(request):
    return Answer(b"\x1b" * 4_500_000)


@things.route("/echo", methods=("POST",), public=True)
def echo(request):
    return Answer(request.body)


@pytest.fixture
def application(ports):
    app = Application(lambda: ports, outside=Outside())
    app.register_blueprint(things)
    return app


@pytest.fixture
def web(ports, application):
    return Client(Gateway(application, Files(ports)))


def test_a_route_answers(web):
    assert web.get("/open/ada").json == {"name": "ada", "query": {}}


def test_a_route_is_private_unless_it_says_otherwise(web):
    assert web.get("/mine").status == 401


def test_threads_do_not_see_each_others_requests(web):
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: web.get(f"/together/{n}?q={n}").json, range(160)))
    assert replies == [[str(n), f"/together/{n}", str(n), str(n)] for n in range(160)]


def test_a_literal_part_wins_over_a_parameter(web):
    assert web.get("/open/fixed").json == "fixed"


@pytest.mark.parametrize(
    ("sent", "name"), [("a%20b", "a b"), ("a%2Bb+c", "a+b+c"), ("%C3%A9", "é"), ("100%25", "100%"), ("%zz", "%zz")]
)
def test_path_parameters_are_decoded_once(web, sent, name):
    assert web.get(f"/open/{sent}").json["name"] == name


@pytest.mark.parametrize("sent", ["%00", "a%0Ab", "%7F", "a%0D%0Ab"])
def test_control_characters_lead_nowhere(web, sent):
    assert web.get(f"/open/{sent}").status == 404


@pytest.mark.parametrize("path", ["/open/%FF", "/%C3"])
def test_an_address_that_is_not_utf_8_is_refused(web, path):
    assert web.get(path).status == 400


@pytest.mark.parametrize("path", ["/open", "/open/", "/open//x", "/open/../mine", "/nowhere", "//", "/open/a/b"])
def test_an_unknown_address_is_not_found(web, path):
    assert web.get(path).status == 404


def test_the_log_names_an_unknown_address(web, capfd):
    web.get("/nowhere")
    assert json.loads(capfd.readouterr().out)["path"] == "/nowhere"


def test_another_method_is_told_which_are_possible(web):
    reply = web.put("/mine")
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD")


def test_head_is_get_without_the_body(web):
    got, head = web.get("/open/x"), web.send("HEAD", "/open/x")
    assert (head.status, head.body, head.header("Content-Length")) == (200, b"", got.header("Content-Length"))


def test_a_fault_of_ours_shows_no_trace_of_code(web):
    reply = web.get("/broken")
    assert (reply.status, reply.json["type"], b"secret" in reply.body) == (500, "/api/docs#internal", False)


def test_a_fault_of_ours_is_logged_with_its_traceback(web, caplog):
    web.get("/broken")
    assert "the secret of the code" in caplog.text


def test_a_part_that_is_away_is_503(web):
    assert web.get("/unavailable").json["detail"] == "The database is away."


def test_a_lost_race_is_a_conflict_that_shows_no_keys(web):
    reply = web.get("/raced")
    assert (reply.status, b"inner" in reply.body) == (409, False)


def test_an_answer_cannot_be_split_by_its_headers(web):
    reply = web.get("/split")
    assert (reply.status, reply.all("Set-Cookie")) == (500, [])


def test_several_cookies_are_sent_as_several_headers(web):
    assert web.get("/cookies").all("Set-Cookie") == ["a=1", "b=2"]


def test_bytes_are_sent_as_they_are_whatever_the_client_accepts(web):
    assert web.get("/bytes", headers={"Accept": "text/html"}).body == b"\xff\x00"


def test_an_answer_beyond_the_limit_of_lambda_is_refused_at_home_too(web):
    assert web.get("/huge").json["type"] == "/api/docs#answer-too-large"


def test_a_body_beyond_the_limit_is_refused(web):
    assert web.post("/echo", body=b"x" * 10_000_000).status == 413


def test_a_body_of_untold_length_beyond_the_limit_is_refused(web):
    chunked = {"Transfer-Encoding": "chunked", "Content-Length": ""}
    made = environ("POST", "/echo", b"x" * 7_000_000, chunked) | {"CONTENT_LENGTH": ""}
    told = []
    web.wsgi(made, lambda status, _: told.append(status))
    assert told == ["413 Request Entity Too Large"]


def test_a_body_of_untold_length_is_read(web):
    made = environ("POST", "/echo", b"abc", {"Transfer-Encoding": "chunked"}) | {"CONTENT_LENGTH": ""}
    assert b"".join(web.wsgi(made, lambda *_: None)) == b"abc"


def test_each_answer_has_a_request_id(web):
    assert len(web.get("/open/x").header("X-Request-Id")) == 26


def test_the_callers_request_id_is_kept(web):
    assert web.get("/open/x", headers={"X-Request-Id": "mine-1"}).header("X-Request-Id") == "mine-1"


@pytest.mark.parametrize("wild", ["a b", "x" * 101, "é", "a\r\nb", ""])
def test_a_wild_request_id_is_replaced(web, wild):
    assert web.get("/open/x", headers={"X-Request-Id": wild}).header("X-Request-Id") != wild


def test_problems_hold_the_request_id(web):
    assert web.get("/mine", headers={"X-Request-Id": "mine-1"}).json["request_id"] == "mine-1"


def test_the_trace_of_the_caller_is_in_the_log(web, capfd):
    web.get("/open/x", headers={"traceparent": TRACE})
    assert json.loads(capfd.readouterr().out)["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_the_log_has_no_query(web, capfd):
    web.get("/open/x?password=hush")
    assert "hush" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("header", "value"),
    [("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Cache-Control", "no-store")],
)
def test_every_answer_has_the_security_headers(web, header, value):
    assert (web.get("/open/x").header(header), web.get("/nowhere/api").header("X-Frame-Options")) == (value, "DENY")


def test_a_query_can_repeat_a_name(web):
    assert web.get("/open/x?a=1&a=2&b=").json["query"] == {"a": ["1", "2"], "b": [""]}


@pytest.mark.parametrize("query", ["a=%FF", "&".join(f"a{n}=1" for n in range(101))])
def test_a_query_that_cannot_be_read_is_refused(web, query):
    assert web.get(f"/open/x?{query}").status == 400


def test_the_pages_stand_below_a_base_path(web):
    assert web.get("/open/x", base="/stage").status == 200


def lambda_event(path, resource, **parameters):
    return {
        "path": path,
        "headers": {"Accept": "*/*"},
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "requestContext": {"resourcePath": resource, "httpMethod": "GET", "path": f"/api-stage{path}"},
        "body": None,
        "stageVariables": None,
        "isBase64Encoded": False,
    }


def test_a_lambda_answers_text_as_text(application):
    answer = application(lambda_event("/open/a%20b", "/open/{name}", name="a%20b"), None)
    assert (answer["isBase64Encoded"], json.loads(answer["body"])["name"]) == (False, "a b")


def test_a_lambda_answers_bytes_as_base64(application):
    answer = application(lambda_event("/bytes", "/bytes"), None)
    assert (answer["isBase64Encoded"], answer["body"]) == (True, "/wA=")


def test_a_lambda_can_give_the_longest_answer_there_is(application):
    answer = application(lambda_event("/long", "/long"), None)
    assert len(json.dumps(answer)) < 6 * 1024 * 1024
    assert len(base64.b64decode(answer["body"])) == 4_500_000


def test_a_lambda_is_given_bytes_as_base64(application):
    event = lambda_event("/echo", "/echo") | {"body": "/wA=", "isBase64Encoded": True}
    event["requestContext"]["httpMethod"] = "POST"
    assert application(event, None)["body"] == "/wA="


def test_a_lambda_answers_for_what_no_route_has(application):
    assert application(lambda_event("/gone", "/gone"), None)["statusCode"] == 404
