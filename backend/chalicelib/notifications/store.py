"""Where channels and deliveries live: a partition of a tenant for each, and an index of what is to be sent."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from chalicelib.clock import from_text, to_text
from chalicelib.documents import Condition, Delete, Document, Documents, Index, Key, Put, Range, VersionIs
from chalicelib.notifications.model import Channel, ChannelKind, Delivery, DeliveryStatus, NoticeKind, Try

OPEN_DELIVERIES = "open-deliveries"
KEPT = timedelta(days=30)
MOST_CHANNELS = 90
"""Of one tenant, so that one transaction can hold a delivery to each."""


def channels_partition(tenant_id: str) -> str:
    return f"channels#{tenant_id}"


def channel_key(tenant_id: str, channel_id: str) -> Key:
    return Key(channels_partition(tenant_id), f"channel#{channel_id[:100]}")


def put_channel(channel: Channel, *conditions: Condition) -> Put:
    body = asdict(channel) | {
        "kind": channel.kind.value,
        "events": sorted(channel.events),
        "created_at": to_text(channel.created_at),
    }
    del body["version"]
    return Put(channel_key(channel.tenant_id, channel.channel_id), body, conditions or (VersionIs(channel.version),))


def delete_channel(channel: Channel) -> Delete:
    return Delete(channel_key(channel.tenant_id, channel.channel_id), [VersionIs(channel.version)])


def to_channel(document: Document) -> Channel:
    body = document.body
    made: dict[str, Any] = {
        **body,
        "kind": ChannelKind(body["kind"]),
        "events": frozenset(map(NoticeKind, body["events"])),
        "created_at": from_text(body["created_at"]),
    }
    return Channel(**made, version=document.version)


def get_channel(documents: Documents, tenant_id: str, channel_id: str) -> Channel | None:
    found = documents.get(channel_key(tenant_id, channel_id))
    return to_channel(found) if found else None


def get_channels(documents: Documents, tenant_id: str) -> list[Channel]:
    page = documents.query(channels_partition(tenant_id), Range(prefix="channel#"), limit=MOST_CHANNELS)
    return [to_channel(each) for each in page.items]


def deliveries_partition(tenant_id: str) -> str:
    return f"deliveries#{tenant_id}"


def by_channel(tenant_id: str, channel_id: str) -> str:
    return f"deliveries#{tenant_id}#{channel_id}"


def delivery_key(delivery: Delivery) -> Key:
    return Key(deliveries_partition(delivery.tenant_id), _sort(delivery))


def _sort(delivery: Delivery) -> str:
    return f"{to_text(delivery.created_at)}#{delivery.delivery_id}"


def new_delivery(delivery: Delivery) -> Put:
    """For the transaction that ends its notice, which no two can do."""
    return _put_delivery(delivery, [])


def put_delivery(delivery: Delivery) -> Put:
    return _put_delivery(delivery, [VersionIs(delivery.version)])


def _put_delivery(delivery: Delivery, conditions: Sequence[Condition]) -> Put:
    body = asdict(delivery) | {
        "created_at": to_text(delivery.created_at),
        "next_at": to_text(delivery.next_at) if delivery.next_at else None,
        "tries": [{**asdict(each), "at": to_text(each.at)} for each in delivery.tries],
    }
    del body["version"]
    indexes = {Index.FIRST: Key(by_channel(delivery.tenant_id, delivery.channel_id), _sort(delivery))}
    if delivery.next_at:
        indexes[Index.THIRD] = Key(OPEN_DELIVERIES, f"{to_text(delivery.next_at)}#{delivery.delivery_id}")
    expires = delivery.created_at + KEPT
    return Put(delivery_key(delivery), body, conditions, indexes, expires)


def to_delivery(document: Document) -> Delivery:
    body = document.body
    made: dict[str, Any] = {
        **body,
        "kind": ChannelKind(body["kind"]),
        "event": NoticeKind(body["event"]),
        "status": DeliveryStatus(body["status"]),
        "created_at": from_text(body["created_at"]),
        "next_at": from_text(body["next_at"]) if body["next_at"] else None,
        "tries": tuple(Try(**{**each, "at": from_text(each["at"])}) for each in body["tries"]),
    }
    return Delivery(**made, version=document.version)


def due_deliveries(documents: Documents, now: datetime, *, limit: int) -> Sequence[Delivery]:
    # `~` sorts after the `#` that follows the time: what is due at this very moment is due.
    page = documents.query_index(Index.THIRD, OPEN_DELIVERIES, Range(end=f"{to_text(now)}~"), limit=limit)
    return [to_delivery(each) for each in page.items]
