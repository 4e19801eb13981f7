"""Where audit entries live: a partition per tenant in order of time, and an index for each thing that is asked for."""

from chalicelib.audit.model import Entry
from chalicelib.clock import from_text, to_text
from chalicelib.documents import Document, Index, Key, Put


def partition(tenant_id: str) -> str:
    return f"audit#{tenant_id}"


def by_actor(tenant_id: str, actor: str) -> str:
    return f"audit#{tenant_id}#actor#{actor.casefold()[:300]}"


def by_action(tenant_id: str, action: str) -> str:
    return f"audit#{tenant_id}#action#{action[:100]}"


def by_resource(tenant_id: str, resource: str) -> str:
    return f"audit#{tenant_id}#resource#{resource[:300]}"


def put_entry(entry: Entry) -> Put:
    sort = f"{to_text(entry.at)}#{entry.entry_id}"
    indexes = {
        Index.FIRST: Key(by_actor(entry.tenant_id, entry.actor), sort),
        Index.SECOND: Key(by_action(entry.tenant_id, entry.action), sort),
        Index.THIRD: Key(by_resource(entry.tenant_id, entry.resource), sort),
    }
    body = {name: getattr(entry, name) for name in Entry.__dataclass_fields__} | {"at": to_text(entry.at)}
    return Put(Key(partition(entry.tenant_id), sort), body, indexes=indexes)


def to_entry(document: Document) -> Entry:
    return Entry(**{**document.body, "at": from_text(document.body["at"])})
