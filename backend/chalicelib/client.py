"""The REST API as the command line uses it: signed in, patient with a server that restarts, clear about refusals."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import stamina
from stamina.instrumentation import set_on_retry_hooks

from chalicelib.clock import Clock, SystemClock, from_text, to_text
from chalicelib.logins import Login, one_at_a_time, read_login, store_login
from chalicelib.settings import ClientSettings

TIMEOUT = httpx.Timeout(30, connect=5)
PATIENCE = 20.0
"""Seconds that a command waits for a server which does not answer; it may be restarting."""
EARLY = timedelta(seconds=30)
"""How long before its end an access token is renewed."""
IN_FLIGHT = "idempotency-in-flight"
IN_FLIGHT_PATIENCE = 90.0
"""Seconds: longer than a server that crashed in the middle of a write keeps that write's key."""

# A retry is shown by the command that waits, where it has something to say; never as a log line of the library.
set_on_retry_hooks([])


class Refused(Exception):
    """The server's answer is a problem; `places` are pairs of place and message."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.type = str(problem.get("type", "")).rsplit("#", 1)[-1]
        self.places = [(str(each.get("place", "")), str(each.get("message", ""))) for each in problem.get("fields", [])]
        super().__init__(problem.get("detail") or problem.get("title") or f"The server answered {status}.")


class Unreachable(Exception):
    """No answer from the server for as long as we were willing to wait."""


class NotLoggedIn(Exception):
    """No token is known for this server, or what is known has ended."""

    def __init__(self, url: str) -> None:
        super().__init__(f"Not signed in to {url}. Run: millrace login")


@dataclass(frozen=True, slots=True)
class LogPart:
    text: bytes
    next_offset: int
    complete: bool


class Client:
    """One server. `on_wait` is called with a reason each time a request has to be tried again."""

    def __init__(
        self,
        settings: ClientSettings,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
        patience: float = PATIENCE,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._http = httpx.Client(base_url=settings.url, timeout=TIMEOUT, transport=transport)
        self._clock = clock or SystemClock()
        self._patience = patience
        self._on_wait = on_wait
        self._known: dict[str, Any] = {}
        self._tag = ""

    def login(self, email: str, password: str) -> None:
        self._enter("/api/login", {"email": email, "password": password})

    def signup(self, email: str, password: str, organisation: str) -> None:
        self._enter("/api/signup", {"email": email, "password": password, "organisation": organisation})

    def logout(self) -> None:
        with one_at_a_time(self._settings.logins):
            login = read_login(self._settings.logins, self._settings.url)
            store_login(self._settings.logins, self._settings.url, None)
        if login:
            _checked(self._attempt("POST", "/api/logout", json={"refresh_token": login.refresh_token}))

    def submit(self, text: str) -> dict[str, Any]:
        """The job from YAML or JSON text; sent again after a lost answer, it is still one job."""
        return self._json("POST", "/api/jobs", content=text.encode(), headers={"Content-Type": "application/yaml"})

    def job(self, job_id: str) -> dict[str, Any]:
        """The job with its `orders`; nothing but a 304 is sent for one that has not changed."""
        known = self._known if self._known.get("job_id") == job_id else {}
        answer = self._send(
            "GET", f"/api/jobs/{quote(job_id, safe='')}", headers={"If-None-Match": self._tag} if known else {}
        )
        if answer.status_code != httpx.codes.NOT_MODIFIED:
            self._known, self._tag = answer.json(), answer.headers["ETag"]
        return self._known

    def jobs(self, filters: dict[str, str], *, limit: int) -> Iterator[dict[str, Any]]:
        """The newest `limit` jobs that match, page by page."""
        cursor: str | None = ""
        while limit > 0 and cursor is not None:
            asked = {**filters, "limit": str(min(limit, 100)), **({"cursor": cursor} if cursor else {})}
            page = self._json("GET", "/api/jobs", params=asked)
            yield from page["items"]
            limit -= len(page["items"])
            cursor = page["cursor"]

    def cancel(self, job_id: str) -> dict[str, Any]:
        return self._json("PATCH", f"/api/jobs/{quote(job_id, safe='')}", json={"status": "cancelled"})

    def retry(self, job_id: str, *, from_order: int | None) -> dict[str, Any]:
        return self._json("POST", f"/api/jobs/{quote(job_id, safe='')}/retry", json=_from(from_order))

    def retry_plan(self, job_id: str, *, from_order: int | None) -> dict[str, Any]:
        """What a retry would keep and what it would run again: numbers of orders."""
        return self._json("GET", f"/api/jobs/{quote(job_id, safe='')}/retry", params=_from(from_order))

    def log(self, job_id: str, number: int, attempt: int | None, offset: int) -> LogPart:
        asked = {"offset": offset} | ({"attempt": attempt} if attempt else {})
        answer = self._send("GET", f"/api/jobs/{quote(job_id, safe='')}/orders/{number}/log", params=asked)
        return LogPart(
            answer.content,
            int(answer.headers["X-Log-Next-Offset"]),
            answer.headers["X-Log-Complete"] == "true",
        )

    def link(self, job_id: str) -> str:
        """Where the job is in a browser."""
        return f"{self._settings.url.rstrip('/')}/jobs/{job_id}"

    def _enter(self, path: str, form: dict[str, str]) -> None:
        # Not retried once it was sent: a second sign-up would find the address taken.
        try:
            answer = _checked(self._attempt("POST", path, json=form))
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        with one_at_a_time(self._settings.logins):
            store_login(self._settings.logins, self._settings.url, self._login_of(form["email"], answer.json()))

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        return self._send(method, path, **request).json()  # type: ignore[no-any-return]

    def _send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **request: Any) -> httpx.Response:
        headers = dict(headers or {})
        if method != "GET":
            # The same key with every try: whatever was lost on the way, the server acts once.
            headers["Idempotency-Key"] = str(uuid.uuid4())
        try:
            for attempt in self._tries():
                with attempt:
                    signed = headers | {"Authorization": f"Bearer {self._token()}"}
                    answer = _checked(self._attempt(method, path, headers=signed, **request))
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        return answer

    def _attempt(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self._http.request(method, path, **request)

    def _tries(self) -> Iterable[stamina.Attempt]:
        begun = self._clock.now()

        def worth_another(error: Exception) -> bool:
            waited = (self._clock.now() - begun).total_seconds()
            again = waited < self._patience_with(error)
            if again:
                self._on_wait(str(error) or type(error).__name__)
            return again

        return stamina.retry_context(on=worth_another, attempts=None, timeout=None, wait_jitter=0.1, wait_max=2)

    def _patience_with(self, error: Exception) -> float:
        """Seconds; 0 for what does not go away by itself."""
        if isinstance(error, httpx.TransportError):
            return self._patience
        if isinstance(error, Refused) and error.type == IN_FLIGHT:
            return max(self._patience, IN_FLIGHT_PATIENCE)
        # Overload, or a gateway whose server restarts.
        return self._patience if isinstance(error, Refused) and error.status in (429, 502, 503, 504) else 0

    def _token(self) -> str:
        return self._settings.token or self._stored_token()

    def _stored_token(self) -> str:
        login = read_login(self._settings.logins, self._settings.url)
        if login is None:
            raise NotLoggedIn(self._settings.url)
        if from_text(login.expires_at) - EARLY > self._clock.now():
            return login.access_token
        with one_at_a_time(self._settings.logins):
            return self._renewed(login)

    def _renewed(self, login: Login) -> str:
        """A fresh access token; another command may have fetched it while we waited for our turn."""
        latest = read_login(self._settings.logins, self._settings.url)
        if latest and latest != login:
            return latest.access_token
        try:
            answer = _checked(self._attempt("POST", "/api/token/refresh", json={"refresh_token": login.refresh_token}))
        except Refused:
            store_login(self._settings.logins, self._settings.url, None)
            raise NotLoggedIn(self._settings.url) from None
        fresh = self._login_of(login.email, answer.json())
        store_login(self._settings.logins, self._settings.url, fresh)
        return fresh.access_token

    def _login_of(self, email: str, tokens: dict[str, Any]) -> Login:
        ends = self._clock.now() + timedelta(seconds=tokens["expires_in"])
        return Login(email, tokens["access_token"], tokens["refresh_token"], to_text(ends))

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        return Unreachable(f"{self._settings.url} does not answer ({error or type(error).__name__}). Is it running?")


def _from(order: int | None) -> dict[str, int]:
    return {} if order is None else {"from_order": order}


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success or answer.status_code == httpx.codes.NOT_MODIFIED:
        return answer
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    raise Refused(answer.status_code, problem if isinstance(problem, dict) else {})
