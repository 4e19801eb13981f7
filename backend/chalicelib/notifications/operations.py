"""Channels of an organisation and of its users, and the log of what was sent to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib import outbound
from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.accounts.rules import EMAIL_RULE, is_email
from chalicelib.accounts.tenants.standing import channel_counted
from chalicelib.audit.recording import entry
from chalicelib.documents import Absent, ConditionFailed, Index
from chalicelib.errors import Conflict, Fault, Invalid, NotFound, Unprocessable
from chalicelib.notifications import signing, store
from chalicelib.notifications.model import Channel, ChannelKind, Delivery, DeliveryStatus, NoticeKind
from chalicelib.wiring import Ports

_TRIES = 10


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    items: Sequence[Delivery]
    cursor: str | None


def create(
    ports: Ports,
    caller: Caller,
    *,
    kind: ChannelKind,
    target: str,
    events: Sequence[NoticeKind],
    personal: bool,
    channel_id: str = "",
) -> tuple[Channel, str]:
    """The channel, and the secret of a webhook, which nobody can read again.

    A personal one is the caller's own and gets what is about them; the others are the organisation's and get all.
    """
    require(caller, Permission.ACCOUNT_WRITE if personal else Permission.NOTIFICATIONS_WRITE)
    target = target.strip()
    _check(ports, caller, kind, target, events, personal=personal)
    if len(store.get_channels(ports.documents, caller.tenant_id)) >= store.MOST_CHANNELS:
        raise Unprocessable(f"An organisation has at most {store.MOST_CHANNELS} channels.")
    secret = signing.new_secret() if kind is ChannelKind.WEBHOOK else ""
    channel = Channel(
        channel_id=channel_id or ports.clock.new_id(),
        tenant_id=caller.tenant_id,
        kind=kind,
        target=target,
        events=frozenset(events),
        created_at=ports.clock.now(),
        user_id=caller.user_id if personal else "",
        email=caller.email if personal else "",
        secret=ports.vault.seal(secret) if secret else "",
    )
    recorded = entry(ports.clock, caller, "channel.create", f"channel/{channel.channel_id}", after=_told(channel))
    ports.documents.transact([store.put_channel(channel, Absent()), channel_counted(caller.tenant_id, 1), recorded])
    return replace(channel, version=1), secret


def list_channels(ports: Ports, caller: Caller, *, personal: bool) -> list[Channel]:
    """One's own, or the organisation's."""
    require(caller, Permission.ACCOUNT_READ if personal else Permission.NOTIFICATIONS_READ)
    wanted = caller.user_id if personal else ""
    return [each for each in store.get_channels(ports.documents, caller.tenant_id) if each.user_id == wanted]


def get(ports: Ports, caller: Caller, channel_id: str, *, personal: bool) -> Channel:
    """Raises NotFound."""
    require(caller, Permission.ACCOUNT_READ if personal else Permission.NOTIFICATIONS_READ)
    return _find(ports, caller, channel_id, personal=personal)


def delete(ports: Ports, caller: Caller, channel_id: str, *, personal: bool) -> None:
    require(caller, Permission.ACCOUNT_WRITE if personal else Permission.NOTIFICATIONS_WRITE)
    channel = _find(ports, caller, channel_id, personal=personal)
    recorded = entry(ports.clock, caller, "channel.delete", f"channel/{channel_id}", before=_told(channel))
    try:
        ports.documents.transact([store.delete_channel(channel), channel_counted(caller.tenant_id, -1), recorded])
    except ConditionFailed:
        raise Conflict("Somebody changed the channel meanwhile; look at it again.") from None


def list_deliveries(
    ports: Ports,
    caller: Caller,
    channel_id: str,
    *,
    personal: bool,
    limit: int = 50,
    cursor: str | None = None,
) -> DeliveryPage:
    """Newest first; they are kept for 30 days."""
    require(caller, Permission.ACCOUNT_READ if personal else Permission.NOTIFICATIONS_READ)
    _find(ports, caller, channel_id, personal=personal)
    page = ports.documents.query_index(
        Index.FIRST, store.by_channel(caller.tenant_id, channel_id), limit=limit, cursor=cursor, descending=True
    )
    return DeliveryPage([store.to_delivery(each) for each in page.items], page.cursor)


def redeliver(ports: Ports, caller: Caller, channel_id: str, delivery_id: str, *, personal: bool) -> Delivery:
    """Send it again now, under the same id, and with all its retries anew. A paused channel works again."""
    require(caller, Permission.ACCOUNT_WRITE if personal else Permission.NOTIFICATIONS_WRITE)
    for _ in range(_TRIES):
        channel = _find(ports, caller, channel_id, personal=personal)
        before = _find_delivery(ports, channel, delivery_id)
        after = replace(before, status=DeliveryStatus.PENDING, next_at=ports.clock.now(), sent=0)
        recorded = entry(
            ports.clock,
            caller,
            "delivery.redeliver",
            f"delivery/{delivery_id}",
            before={"status": before.status},
            after={"status": after.status},
        )
        writes = [store.put_delivery(after), recorded]
        if channel.paused:
            writes.append(store.put_channel(replace(channel, paused="")))
        try:
            ports.documents.transact(writes)
        except ConditionFailed:
            continue
        return after
    raise Conflict("The delivery is changing too fast just now; try again.")


def _find(ports: Ports, caller: Caller, channel_id: str, *, personal: bool) -> Channel:
    channel = store.get_channel(ports.documents, caller.tenant_id, channel_id)
    if channel is None or channel.user_id != (caller.user_id if personal else ""):
        raise NotFound(f"There is no channel {channel_id[:100]}.")
    return channel


def _find_delivery(ports: Ports, channel: Channel, delivery_id: str) -> Delivery:
    cursor = None
    while True:
        page = ports.documents.query_index(
            Index.FIRST,
            store.by_channel(channel.tenant_id, channel.channel_id),
            limit=1000,
            cursor=cursor,
            descending=True,
        )
        for each in map(store.to_delivery, page.items):
            if each.delivery_id == delivery_id:
                return each
        cursor = page.cursor
        if cursor is None:
            raise NotFound(f"The channel has no delivery {delivery_id[:100]}.")


def _check(
    ports: Ports, caller: Caller, kind: ChannelKind, target: str, events: Sequence[NoticeKind], *, personal: bool
) -> None:
    if not events:
        raise Invalid("The channel has faults.", [Fault("events", "must name at least one")])
    if kind is ChannelKind.WEBHOOK:
        outbound.check_url(target, allowed=ports.settings.webhook_hosts, place="target")
        return
    if not is_email(target):
        raise Invalid("The channel has faults.", [Fault("target", EMAIL_RULE)])
    if personal and target.casefold() != caller.email.casefold():
        raise Invalid("The channel has faults.", [Fault("target", "must be your own address")])


def _told(channel: Channel) -> dict[str, object]:
    events = sorted(channel.events)
    return {"kind": channel.kind, "target": channel.target, "events": events, "user_id": channel.user_id}
