"""What both hosts need of HTTP: time-outs, retries where they do no harm, and errors without tokens."""

from collections.abc import Mapping
from typing import Any, NoReturn

from chalicelib.errors import Unavailable
from chalicelib.vcs import Refused

SECONDS = 5.0
"""For each step of a call."""
ATTEMPTS = 3
RETRIED_WITHIN = 12.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
LARGEST = 5_000_000
PAGES, PAGE = 10, 100


class Passing(Exception):
    """It may work when it is tried again."""


class Caller:
    """`host` is how errors call the host."""

    def __init__(self, base: str, host: str) -> None:
        self._base = base.rstrip("/")
        self._host = host

    def ask(self, method: str, path: str, headers: Mapping[str, str], data: Any = None, *, again: bool = True) -> Any:
        """The JSON that is answered. `again` retries what passes. Raises Refused, Unavailable."""
        # It takes a tenth of a second to import, which only jobs with comments need to pay.
        import stamina  # noqa: PLC0415

        try:
            for attempt in stamina.retry_context(
                on=Passing, attempts=ATTEMPTS if again else 1, timeout=RETRIED_WITHIN, wait_initial=0.2
            ):
                with attempt:
                    return self._send(method, path, headers, data)
        except Passing as failure:
            raise Unavailable(str(failure)) from None

    def search(self, path: str, headers: Mapping[str, str], marker: str) -> str:
        """Id of the first of the listed comments that holds `marker`; empty when there is none on PAGES pages."""
        for page in range(1, PAGES + 1):
            found = self.ask("GET", f"{path}?per_page={PAGE}&page={page}", headers)
            for each in found:
                if marker in (each["body"] or ""):
                    return str(each["id"])
            if len(found) < PAGE:
                break
        return ""

    def _send(self, method: str, path: str, headers: Mapping[str, str], data: Any) -> Any:
        import httpx  # noqa: PLC0415 - the same

        asked = f"{method} {path.partition('?')[0]}"
        try:
            with httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
                told = {"User-Agent": "Millrace", **headers}
                answer = client.request(method, f"{self._base}{path}", headers=told, json=data)
        except httpx.HTTPError as error:
            raise Passing(f"{self._host} did not answer {asked}: {type(error).__name__}") from None
        if answer.status_code in _PASSING or _is_slowed_down(answer.status_code, answer.headers):
            raise Passing(f"{self._host} answered {answer.status_code} to {asked}")
        if not answer.is_success:
            raise Refused(f"{self._host} answered {answer.status_code} to {asked}")
        return self._read(answer, asked)

    def _read(self, answer: Any, asked: str) -> Any:
        if len(answer.content) > LARGEST:
            self._refuse(asked)
        try:
            return answer.json()
        except ValueError:
            self._refuse(asked)

    def _refuse(self, asked: str) -> NoReturn:
        raise Refused(f"{self._host} answered {asked} with what is no JSON, or too much of it") from None


def _is_slowed_down(status: int, headers: Mapping[str, str]) -> bool:
    """GitHub answers 403 where others have 429."""
    return status == 403 and ("retry-after" in headers or headers.get("x-ratelimit-remaining") == "0")  # noqa: PLR2004
