"""The webhook as a function that AWS calls: behind an API Gateway, by a topic, or directly."""

import base64
import binascii
import logging
import re
from collections.abc import Mapping
from typing import Any

import orjson

from chalicelib.accounts.model import Origin
from chalicelib.errors import Invalid, MillraceError
from chalicelib.webhook import operations
from chalicelib.webhook.operations import Posting
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

Event = Mapping[str, Any]
SERVER_FAULT = 500
KEY_FIELD = "api_key"
"""Where calls without headers carry their API key, beside the fields of the protocol."""
_TENANT = re.compile(r".*/webhook/([0-9A-Za-z]+)/?")


def process(ports: Ports, event: object) -> dict[str, Any]:
    """What is answered has the form of the call: HTTP for what came over HTTP, else the answer itself.

    Raises MillraceError only for what may work when the same call is made again, where nobody reads a status.
    """
    if not isinstance(event, Mapping):
        return operations.error_answer(Invalid("The event must be an object."))
    records = event.get("Records")
    if isinstance(records, list):
        return _all([_direct(ports, _message(each), _message_id(each)) for each in records])
    if "body" in event or "requestContext" in event:
        return _http(ports, event)
    return _direct(ports, event, "")


def _http(ports: Ports, event: Event) -> dict[str, Any]:
    try:
        status, answer = 200, {**operations.post(ports, _posting(event))}
    except MillraceError as error:
        if error.status >= SERVER_FAULT:
            log.exception("A posted job failed")
        status, answer = error.status, operations.error_answer(error)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": orjson.dumps(answer).decode(), "isBase64Encoded": False}


def _direct(ports: Ports, payload: object, delivery_id: str) -> dict[str, Any]:
    try:
        return {**operations.post(ports, _unkeyed(payload, delivery_id))}
    except MillraceError as error:
        if error.status >= SERVER_FAULT:
            raise
        return operations.error_answer(error)


def _all(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """One call's own answer; of several, each."""
    if len(answers) == 1:
        return answers[0]
    if not answers:
        return operations.error_answer(Invalid("The event has no records."))
    well = all(each["status"] == "ok" for each in answers)
    return {"status": "ok" if well else "error", "answers": answers}


def _posting(event: Event) -> Posting:
    headers = _headers(event)
    body = _body(event)
    if not headers and "requestContext" not in event:
        return _unkeyed(body, "")
    return Posting(body=body, headers=headers, tenant_id=_tenant(event), origin=_origin(event, headers))


def _unkeyed(payload: object, delivery_id: str) -> Posting:
    """What came without headers, and has its API key inside."""
    if isinstance(payload, bytes | str):
        payload = _json(payload)
    if not isinstance(payload, Mapping):
        raise Invalid("What was posted must be an object.")
    key = payload.get(KEY_FIELD, "")
    rest = {name: value for name, value in payload.items() if name != KEY_FIELD}
    headers = {"authorization": f"Bearer {key}"} if key and isinstance(key, str) else {}
    if delivery_id:
        headers["x-github-delivery"] = delivery_id
    return Posting(body=_dump(rest), headers=headers)


def _dump(data: object) -> bytes:
    """The same bytes for the same data, so that a repetition is known."""
    try:
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    except (TypeError, orjson.JSONEncodeError):
        raise Invalid("What was posted is not JSON.") from None


def _json(text: bytes | str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Invalid("What was posted is not JSON.") from None


def _headers(event: Event) -> dict[str, str]:
    """Of both versions of API Gateway; version 1 may have them only among those of several values."""
    found = event.get("headers")
    several = event.get("multiValueHeaders")
    headers = {
        str(name).lower(): str(values[-1])
        for name, values in (several.items() if isinstance(several, Mapping) else ())
        if isinstance(values, list) and values
    }
    if isinstance(found, Mapping):
        headers |= {str(name).lower(): str(value) for name, value in found.items()}
    return headers


def _body(event: Event) -> bytes:
    body = event.get("body")
    if isinstance(body, Mapping):
        return _dump(body)
    if body is None:
        return b""
    if not isinstance(body, str):
        raise Invalid("The body must be text.")
    if event.get("isBase64Encoded") is not True:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("The body is not base64, though it is said to be.") from None


def _tenant(event: Event) -> str:
    parameters = event.get("pathParameters")
    named = parameters.get("tenant_id") if isinstance(parameters, Mapping) else None
    if isinstance(named, str):
        return named
    path = event.get("rawPath") or event.get("path") or ""
    found = _TENANT.fullmatch(path) if isinstance(path, str) else None
    return found[1] if found else ""


def _origin(event: Event, headers: Mapping[str, str]) -> Origin:
    context = event.get("requestContext")
    context = context if isinstance(context, Mapping) else {}
    caller = context.get("identity") or context.get("http") or {}
    address = caller.get("sourceIp", "") if isinstance(caller, Mapping) else ""
    return Origin(str(context.get("requestId", "")), str(address), headers.get("user-agent", "")[:300])


def _message(record: object) -> object:
    notification = record.get("Sns") if isinstance(record, Mapping) else None
    return notification.get("Message") if isinstance(notification, Mapping) else None


def _message_id(record: object) -> str:
    notification = record.get("Sns") if isinstance(record, Mapping) else None
    found = notification.get("MessageId") if isinstance(notification, Mapping) else None
    return found if isinstance(found, str) else ""
