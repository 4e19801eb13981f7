"""Signatures of webhooks, as standardwebhooks.com has them."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

PREFIX = "whsec_"


def new_secret() -> str:
    return f"{PREFIX}{base64.b64encode(secrets.token_bytes(32)).decode()}"


def headers(secret: str, delivery_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """`webhook-id` stays the same however often it is sent: by it a receiver knows what it has seen."""
    seconds = str(int(now.timestamp()))
    signed = f"{delivery_id}.{seconds}.".encode() + body
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": delivery_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}
