"""A client of the WSGI application in this process: no sockets, and nothing between a test and an answer."""

import io
import json
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from chalicelib.application import create_app
from chalicelib.files import Files
from chalicelib.gateway import Gateway


@dataclass
class Reply:
    status: int
    headers: list
    body: bytes

    def header(self, name):
        values = [value for each, value in self.headers if each.lower() == name.lower()]
        return values[0] if values else None

    def all(self, name):
        return [value for each, value in self.headers if each.lower() == name.lower()]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class Client:
    """`token` is sent with every request; cookies that are set come back, as in a browser."""

    def __init__(self, wsgi, token="", headers=None):
        self.wsgi = wsgi
        self.token = token
        self.headers = headers or {}
        self.cookies = {}

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, data=None, **more):
        return self.send("POST", path, data, **more)

    def patch(self, path, data=None, **more):
        return self.send("PATCH", path, data, **more)

    def put(self, path, **more):
        return self.send("PUT", path, **more)

    def delete(self, path, **more):
        return self.send("DELETE", path, **more)

    def send(self, method, path, data=None, *, body=b"", headers=None, base=""):
        """`data` goes as JSON, `body` as it is."""
        headers = {**self._own_headers(), **(headers or {})}
        if data is not None:
            body = json.dumps(data).encode()
            headers = {"Content-Type": "application/json"} | headers
        replies = []
        pieces = self.wsgi(
            environ(method, path, body, headers, base), lambda status, sent: replies.append((status, sent))
        )
        status, sent = replies[0]
        reply = Reply(int(status.split()[0]), list(sent), b"".join(pieces))
        self._keep_cookies(reply)
        return reply

    def _own_headers(self):
        own = dict(self.headers)
        if self.token:
            own["Authorization"] = f"Bearer {self.token}"
        if self.cookies:
            own["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return own

    def _keep_cookies(self, reply):
        for line in reply.all("Set-Cookie"):
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]


def environ(method, path, body, headers, base=""):
    """What a WSGI server makes of a request."""
    parts = urlsplit(path)
    made = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": base,
        "PATH_INFO": unquote(parts.path, "latin-1"),
        "QUERY_STRING": parts.query,
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "REMOTE_ADDR": "192.0.2.1",
        "SERVER_NAME": "millrace.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "millrace.test",
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        made[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return made


def gateway(ports):
    """The product's WSGI application over these ports."""
    return Gateway(create_app(lambda: ports), Files(ports))


def client(ports, token="", **more):
    return Client(gateway(ports), token, **more)
