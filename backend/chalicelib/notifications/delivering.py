"""Sending what is to be told: at least once, again with growing pauses, and always under one id.

The queue only wakes; documents say what is open. A crash after sending and before its result is written sends again.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from chalicelib.accounts import admission
from chalicelib.documents import ConditionFailed, Delete, Document, Exists, Index, Range
from chalicelib.errors import MillraceError
from chalicelib.identity import User
from chalicelib.notifications import messages, notices, store
from chalicelib.notifications.model import Channel, ChannelKind, Delivery, DeliveryStatus, Notice, Try
from chalicelib.outbound import NotSent, post
from chalicelib.wiring import Ports

PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Before each retry; after the last one it failed."""
LEASE = timedelta(seconds=60)
"""So long is one sending somebody's; then another worker may send it."""
AT_ONCE = 8
_LOOKED_AT = 100
_TRIES_KEPT = 20
_GONE = 410
_SUCCESS = range(200, 300)


def deliver(ports: Ports) -> int:
    """Everything that is due now, as far as one round goes; how much that was."""
    told = _open_notices(ports)
    for each in told:
        _dispatch(ports, each)
    due = fairly(store.due_deliveries(ports.documents, ports.clock.now(), limit=_LOOKED_AT))[:AT_ONCE]
    if due:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="delivery") as pool:
            list(pool.map(lambda each: _deliver_one(ports, each), due))
    return len(told) + len(due)


def fairly(due: Sequence[Delivery]) -> list[Delivery]:
    """One of each tenant in turn, so that nobody waits for another's slow receivers."""
    seen: dict[str, int] = {}
    turns = []
    for each in due:
        turns.append((seen.get(each.tenant_id, 0), each))
        seen[each.tenant_id] = seen.get(each.tenant_id, 0) + 1
    return [each for _, each in sorted(turns, key=lambda turn: turn[0])]


def _open_notices(ports: Ports) -> list[Document]:
    return list(ports.documents.query_index(Index.THIRD, notices.OPEN_NOTICES, Range(), limit=_LOOKED_AT).items)


def _dispatch(ports: Ports, document: Document) -> None:
    """One delivery for each channel that wants it, in one transaction with the end of the notice."""
    notice = notices.to_notice(document)
    channels = [each for each in store.get_channels(ports.documents, notice.tenant_id) if each.wants(notice)]
    deliveries = [store.new_delivery(_delivery(notice, each)) for each in channels if _may_know(ports, each)]
    try:
        ports.documents.transact([Delete(document.key, [Exists()]), *deliveries])
    except ConditionFailed:
        # Another worker did it.
        return


def _may_know(ports: Ports, channel: Channel) -> bool:
    """Whoever has left the organisation is told nothing more."""
    if not channel.user_id:
        return True
    place = admission.standing(ports, User(channel.user_id, channel.email), channel.tenant_id)
    return place is not None and place.member is not None


def _delivery(notice: Notice, channel: Channel) -> Delivery:
    named = sha256(f"{notice.notice_id} {channel.channel_id}".encode()).hexdigest()[:24]
    return Delivery(
        delivery_id=f"msg_{named}",
        tenant_id=notice.tenant_id,
        channel_id=channel.channel_id,
        kind=channel.kind,
        target=channel.target,
        event=notice.kind,
        data=notice.data,
        created_at=notice.at,
        next_at=notice.at,
    )


def _deliver_one(ports: Ports, delivery: Delivery) -> None:
    mine = claimed(delivery, ports.clock.now())
    try:
        ports.documents.transact([store.put_delivery(mine)])
    except ConditionFailed:
        # Another worker has it.
        return
    mine = replace(mine, version=delivery.version + 1)
    channel = store.get_channel(ports.documents, delivery.tenant_id, delivery.channel_id)
    if channel is None or channel.paused:
        tried = Try(at=ports.clock.now(), fault="the channel is gone or paused")
        after = replace(mine, status=DeliveryStatus.FAILED, next_at=None, tries=(*mine.tries, tried))
    else:
        after = settled(mine, _send(ports, channel, mine))
    _write(ports, channel, after)


def claimed(delivery: Delivery, now: datetime) -> Delivery:
    return replace(delivery, next_at=now + LEASE)


def settled(delivery: Delivery, tried: Try) -> Delivery:
    """What a try means for it."""
    after = replace(delivery, tries=(*delivery.tries, tried)[-_TRIES_KEPT:], sent=delivery.sent + 1)
    if tried.answer in _SUCCESS or (tried.answer is None and not tried.fault):
        return replace(after, status=DeliveryStatus.DELIVERED, next_at=None)
    if tried.answer == _GONE or delivery.sent >= len(PAUSES):
        return replace(after, status=DeliveryStatus.FAILED, next_at=None)
    return replace(after, next_at=tried.at + PAUSES[delivery.sent])


def _send(ports: Ports, channel: Channel, delivery: Delivery) -> Try:
    start = time.perf_counter()
    by_mail = channel.kind is ChannelKind.EMAIL
    answer, fault = _send_mail(ports, delivery) if by_mail else _post(ports, channel, delivery)
    spent = round((time.perf_counter() - start) * 1000)
    return Try(at=ports.clock.now(), answer=answer, fault=fault[:300], milliseconds=spent)


def _send_mail(ports: Ports, delivery: Delivery) -> tuple[None, str]:
    try:
        ports.mail.send(messages.mail_of(delivery, ports.settings.address))
    except MillraceError as error:
        return None, error.detail
    return None, ""


def _post(ports: Ports, channel: Channel, delivery: Delivery) -> tuple[int | None, str]:
    body = messages.webhook_body(delivery, ports.settings.address)
    headers = messages.webhook_headers(ports.vault.open(channel.secret), delivery, ports.clock.now(), body)
    try:
        reply = post(channel.target, body, headers, allowed=ports.settings.webhook_hosts)
    except NotSent as error:
        return None, str(error)
    return reply.status, "" if reply.status in _SUCCESS else reply.text


def _write(ports: Ports, channel: Channel | None, delivery: Delivery) -> None:
    writes = [store.put_delivery(delivery)]
    if channel and delivery.tries[-1].answer == _GONE:
        writes.append(store.put_channel(replace(channel, paused="The receiver answered 410: it wants no more.")))
    try:
        ports.documents.transact(writes)
    except ConditionFailed:
        # It took longer than its lease, and another worker has it; or the channel changed: it is then sent again.
        return
