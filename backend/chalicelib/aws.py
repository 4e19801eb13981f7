"""The only maker of AWS clients, and the only place where AWS's errors are caught."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.errors import Unavailable
from chalicelib.settings import Settings

Client = Any
"""A boto3 client; boto3 carries no types."""

OVERLOADED = frozenset(
    {
        "InternalServerError",
        "KmsThrottled",
        "LimitExceededException",
        "OverLimit",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


class Refused(Exception):
    """AWS answered with an error that only its adapter can judge; `answer` is the parsed response."""

    def __init__(self, code: str, message: str, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.answer = answer


class Overloaded(Unavailable):
    """AWS answered that it is too much, or that the fault is its own."""

    def __init__(self, code: str) -> None:
        super().__init__(f"AWS is overloaded: {code}")
        self.code = code


# Above the 20 seconds that SQS may hold a receive.
READ_TIMEOUT = 30
ATTEMPTS = 6
CONNECTIONS = 50
"""Kept open by a client: above the threads of a web process, and the slots and loops of a worker."""


def connect(
    service: str, settings: Settings, *, read_timeout: float = READ_TIMEOUT, attempts: int = ATTEMPTS
) -> Client:
    """A client of `service`. Region and credentials come from where AWS's own tools take them."""
    return _Lazy(lambda: _make(service, settings, read_timeout=read_timeout, attempts=attempts))


class _Lazy:
    """A client that is made once something is asked of it: a function's start needs two or three of a dozen."""

    _making = threading.Lock()
    """boto3 makes one at a time."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._made: Client = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            with self._making:
                self._made = self._made or self._make()
        return getattr(self._made, name)


def _make(service: str, settings: Settings, *, read_timeout: float, attempts: int) -> Client:
    # Importing boto3 takes a quarter of a second, which the local home never needs to pay.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    # It tells for each client where it found them.
    logging.getLogger("botocore.credentials").setLevel(logging.WARNING)

    emulated = bool(settings.aws_endpoint)
    config = Config(  # type: ignore[no-untyped-call]  # boto3 carries no types
        connect_timeout=3,
        read_timeout=read_timeout,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        signature_version="s3v4" if service == "s3" else None,
        # Virtual addressing names the region in signed links; without it a young bucket answers them with a redirect.
        s3={"addressing_style": "path" if emulated else "virtual"},
    )
    endpoint = settings.aws_endpoint or None
    return boto3.client(service, endpoint_url=endpoint, config=config)  # type: ignore[no-untyped-call]  # the same


def call(operation: Callable[..., Any], *positional: Any, **arguments: Any) -> Any:
    """The answer of a client's operation. Raises Unavailable when AWS is out of reach or overloaded, else Refused."""
    from botocore import exceptions  # noqa: PLC0415 - see connect

    try:
        return operation(*positional, **arguments)
    except exceptions.ClientError as error:
        raise _judged(error.response) from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError) as error:
        raise Unavailable(f"AWS is out of reach: {error}") from error
    except exceptions.BotoCoreError as error:
        raise Refused(type(error).__name__, str(error), {}) from error


def _judged(answer: Mapping[str, Any]) -> Unavailable | Refused:
    code, message = answer["Error"]["Code"], answer["Error"].get("Message", "")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in OVERLOADED or status >= 500:  # noqa: PLR2004 - where HTTP's server errors begin
        return Overloaded(code)
    return Refused(code, message, answer)
