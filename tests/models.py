"""A server that speaks OpenAI's chat completions, over HTTP, and misbehaves as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = "The mill stood still and nobody came to the mill that winter"


@dataclass
class ModelServer:
    """`sick` says what the next calls get, `asked` what came; `usage` replaces the true counts."""

    url: str = ""
    sick: list[Any] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    usage: Any = None


@contextmanager
def model_server() -> Iterator[ModelServer]:
    told = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append(body)
            told.keys.append(self.headers.get("Authorization", ""))
            sickness = told.sick.pop(0) if told.sick else None
            if sickness is None:
                self.answer(200, completion(body, told.usage))
            elif sickness == "cut":
                self.close_connection = True
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            elif sickness == "hang":
                threading.Event().wait(1.5)
                self.close_connection = True
            else:
                status, data, *headers = sickness
                self.answer(status, data, *headers)

        def answer(self, status, data, headers=None):
            body = data if isinstance(data, bytes) else json.dumps(data).encode()
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(asked: dict[str, Any], usage: Any = None) -> dict[str, Any]:
    prompt = asked["messages"][0]["content"]
    words = f"{WORDS} {len(prompt)}".split()
    kept = words[: asked["max_tokens"]]
    true = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(kept)}
    choice = {
        "message": {"role": "assistant", "content": " ".join(kept)},
        "finish_reason": "length" if len(kept) < len(words) else "stop",
    }
    return {"model": asked["model"], "choices": [choice], "usage": true if usage is None else usage}
