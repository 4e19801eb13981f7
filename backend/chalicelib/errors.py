"""What can go wrong for a caller, drawn once. Each error carries its HTTP status and a stable type."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where it is (`orders[2].dependencies[0]`) and what would mend it."""

    place: str
    message: str


class MillraceError(Exception):
    """Base of all errors that are answered to a caller; `type` is the stable last part of the problem's URI."""

    status = 500
    type = "internal"
    title = "Something went wrong on our side"
    faults: tuple[Fault, ...] = ()

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Invalid(MillraceError):
    """The input is wrong; `faults` lists everything that is, not just the first."""

    status = 400
    type = "invalid"
    title = "The request has faults"

    def __init__(self, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.faults = tuple(faults)


class NotSignedIn(MillraceError):
    status = 401
    type = "not-signed-in"
    title = "Sign in first"


class NotAllowed(MillraceError):
    status = 403
    type = "not-allowed"
    title = "You may not do this"


class NotFound(MillraceError):
    status = 404
    type = "not-found"
    title = "There is no such thing"


class Conflict(MillraceError):
    """The state of the thing does not allow it, or someone else changed it first."""

    status = 409
    type = "conflict"
    title = "The state does not allow it"


class Gone(MillraceError):
    status = 410
    type = "gone"
    title = "It is not there any more"


class PreconditionFailed(MillraceError):
    status = 412
    type = "precondition-failed"
    title = "It was changed since you read it"


class TooLarge(MillraceError):
    status = 413
    type = "too-large"
    title = "The request is too large"


class Unprocessable(MillraceError):
    status = 422
    type = "unprocessable"
    title = "The request cannot be carried out"


class TooMany(MillraceError):
    """Come again after `retry_after` seconds."""

    status = 429
    type = "too-many-requests"
    title = "Too many requests"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(MillraceError):
    """A part we depend on does not answer; the same request may succeed later."""

    status = 503
    type = "unavailable"
    title = "A part of the service is unavailable"
