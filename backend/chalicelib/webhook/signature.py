"""X-Hub-Signature-256, as GitHub signs its deliveries, and Millrace what it tells of the ends of jobs."""

import hashlib
import hmac

from chalicelib.webhook import store
from chalicelib.wiring import Ports

HEADER = "x-hub-signature-256"


def sign(secret: str, body: bytes) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def verify(secret: str, body: bytes, signature: str) -> bool:
    """In a time that says nothing of where they differ."""
    return hmac.compare_digest(sign(secret, body).encode(), signature.strip().encode(errors="replace"))


def headers_of(ports: Ports, tenant_id: str, body: bytes) -> dict[str, str]:
    """Of what is sent for an organisation; none where its webhook has no secret."""
    sealed = store.get_hook(ports.documents, tenant_id).secret
    return {"X-Hub-Signature-256": sign(ports.vault.open(sealed), body)} if sealed else {}
