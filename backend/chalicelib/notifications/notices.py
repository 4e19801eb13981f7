"""Putting down that something is to be told, in the transaction in which it happens."""

from dataclasses import asdict

from chalicelib.clock import from_text, to_text
from chalicelib.documents import Document, Index, Key, Put
from chalicelib.notifications.model import Notice, NoticeKind
from chalicelib.queues import Message
from chalicelib.wiring import Ports

NOTICES = "notices"
OPEN_NOTICES = "open-notices"


def put(notice: Notice) -> Put:
    body = asdict(notice) | {"at": to_text(notice.at)}
    found_at = Key(OPEN_NOTICES, f"{to_text(notice.at)}#{notice.notice_id}")
    return Put(Key(f"notice#{notice.notice_id}", "notice"), body, indexes={Index.THIRD: found_at})


def wake(ports: Ports, notice: Notice) -> None:
    """Once it is written. A lost wake-up costs a moment: open notices are looked for as well."""
    ports.queues.send(NOTICES, [Message({"notice_id": notice.notice_id}, group=notice.tenant_id)])


def to_notice(document: Document) -> Notice:
    body = document.body
    return Notice(**{**body, "at": from_text(body["at"]), "kind": NoticeKind(body["kind"])})
