"""Where webhooks live: with their tenant, whose removal takes them along."""

from dataclasses import asdict
from datetime import timedelta

from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, Document, Documents, Key, Put, Range, VersionIs
from chalicelib.webhook.model import Hook, Received

KEPT = timedelta(days=30)
_RECEIVED = "webhook#received#"


def _partition(tenant_id: str) -> str:
    return f"tenant#{tenant_id}"


def hook_key(tenant_id: str) -> Key:
    return Key(_partition(tenant_id), "webhook")


def get_hook(documents: Documents, tenant_id: str) -> Hook:
    """One without anything where none was set up."""
    found = documents.get(hook_key(tenant_id)) if tenant_id.isascii() and tenant_id.isalnum() else None
    return _to_hook(found) if found else Hook(tenant_id=tenant_id)


def put_hook(hook: Hook) -> Put:
    body = asdict(hook) | {"changed_at": to_text(hook.changed_at) if hook.changed_at else None}
    del body["version"]
    return Put(hook_key(hook.tenant_id), body, [VersionIs(hook.version) if hook.version else Absent()])


def _to_hook(document: Document) -> Hook:
    changed_at = document.body["changed_at"]
    body = {**document.body, "changed_at": from_text(changed_at) if changed_at else None}
    return Hook(**body, version=document.version)


def put_received(tenant_id: str, received: Received, received_id: str) -> Put:
    key = Key(_partition(tenant_id), f"{_RECEIVED}{to_text(received.at)}#{received_id}")
    return Put(key, asdict(received) | {"at": to_text(received.at)}, expires=received.at + KEPT)


def get_received(documents: Documents, tenant_id: str, *, limit: int) -> list[Received]:
    page = documents.query(_partition(tenant_id), Range(prefix=_RECEIVED), limit=limit, descending=True)
    return [Received(**{**each.body, "at": from_text(each.body["at"])}) for each in page.items]
