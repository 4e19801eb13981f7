"""Firefox as a person uses it, driven by WebDriver BiDi: Playwright cannot drive the Firefox that Debian ships."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

from websocket import create_connection

EXECUTABLE = shutil.which("firefox-esr") or shutil.which("firefox")
PATIENCE = 60
PREFERENCES = {
    "browser.download.folderList": 2,
    "browser.download.useDownloadDir": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.disabledForTesting": True,
}
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class Firefox:
    """`downloads` is where its files go."""

    def __init__(self, base, folder):
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        self._base = base
        self._process = _start(folder / "profile", self.downloads)
        self._sent = 0
        address = next(found[1] for line in self._process.stderr if (found := LISTENING.search(line)))
        self._socket = create_connection(f"{address}/session", suppress_origin=True, timeout=PATIENCE)
        self._send("session.new", capabilities={})
        self._tab = self._send("browsingContext.create", type="tab")["context"]

    def close(self):
        self._send("browser.close")
        self._socket.close()
        self._process.wait(PATIENCE)
        self._process.stderr.close()

    def goto(self, path):
        self._send("browsingContext.navigate", context=self._tab, url=self._base + path, wait="complete")

    def fill(self, label, text):
        field = self._field(label)
        self._call("field => { field.focus(); field.value = ''; }", field)
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keys", "actions": keys})

    def choose_file(self, label, path):
        self._send("input.setFiles", context=self._tab, element=self._field(label), files=[str(path)])

    def click(self, words):
        """The button, or else the link, that says just this."""
        wanted = json.dumps(words)
        found = self._wait_for(
            f"['button', 'a'].flatMap(each => [...document.querySelectorAll(each)])"
            f".find(each => each.innerText.trim() === {wanted})"
        )
        self._call("element => element.scrollIntoView({block: 'center'})", found)
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": found}}
        press = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act({"type": "pointer", "id": "mouse", "actions": [move, *press]})

    def sees(self, words, *, within=PATIENCE):
        self._wait_for(f"document.body.innerText.includes({json.dumps(words)}) ? document.body : null", within)

    @property
    def path(self):
        return self._evaluate("location.pathname")["value"]

    def downloaded(self, name):
        """The bytes of a file once it is there whole."""
        file, until = self.downloads / name, time.monotonic() + PATIENCE
        while not file.exists() or not file.stat().st_size or list(self.downloads.glob("*.part")):
            assert time.monotonic() < until, list(self.downloads.iterdir())
            time.sleep(0.1)
        return file.read_bytes()

    def _field(self, label):
        wanted = json.dumps(label)
        return self._wait_for(
            f"[...document.querySelectorAll('label')].find(each => each.innerText.trim().startsWith({wanted}))?.control"
        )

    def _wait_for(self, expression, within=PATIENCE):
        """The element, once there is one; pages that are just being left are asked again."""
        until = time.monotonic() + within
        while True:
            found = self._evaluate(f"{expression} ?? null")
            if found.get("type") == "node":
                return {"sharedId": found["sharedId"]}
            assert time.monotonic() < until, expression
            time.sleep(0.1)

    def _evaluate(self, expression):
        answer = self._answer(
            "script.evaluate", expression=expression, target={"context": self._tab}, awaitPromise=False
        )
        return answer.get("result", {}).get("result", {})

    def _call(self, function, element):
        target = {"context": self._tab}
        self._send(
            "script.callFunction", functionDeclaration=function, arguments=[element], target=target, awaitPromise=False
        )

    def _act(self, source):
        self._send("input.performActions", context=self._tab, actions=[source])

    def _send(self, method, **parameters):
        answer = self._answer(method, **parameters)
        assert answer["type"] == "success", answer
        return answer["result"]

    def _answer(self, method, **parameters):
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._sent:
            continue
        return answer


def _start(profile: Path, downloads: Path):
    profile.mkdir()
    told = {**PREFERENCES, "browser.download.dir": str(downloads)}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in told.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [EXECUTABLE, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
