"""X-Hub-Signature-256, as GitHub signs its deliveries."""

import hashlib
import hmac

HEADER = "x-hub-signature-256"


def sign(secret: str, body: bytes) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def verify(secret: str, body: bytes, signature: str) -> bool:
    """In a time that says nothing of where they differ."""
    return hmac.compare_digest(sign(secret, body).encode(), signature.strip().encode(errors="replace"))
