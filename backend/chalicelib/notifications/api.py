"""Notifications over REST: the organisation's channels, and one's own."""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input, Query
from chalicelib.exchange import Answer, Request, json_answer, no_content
from chalicelib.jobs.inputs import CURSOR, Cursor, Limit
from chalicelib.notifications import operations
from chalicelib.notifications.model import Channel, ChannelKind, Delivery, NoticeKind
from chalicelib.rest import Blueprint, json_body, next_link

notifications = Blueprint(__name__, group="Notifications")

TENANTS = "/api/tenants/{tenant_id}/channels"
MINE = "/api/user/channels"
NEXT = {"Link": 'Address of the next page (`rel="next"`), when there is one.'}
WEBHOOKS = (
    "Webhooks are signed as standardwebhooks.com has it (webhook-id, webhook-timestamp, webhook-signature) and sent "
    "again for three days until they are answered with 2xx; the id stays the same. Private addresses and redirects are "
    "refused. The answer alone holds the secret."
)


class ChannelRequest(Input):
    kind: Literal["email", "webhook"]
    target: Annotated[str, Field(max_length=2000, description="An e-mail address, or an https:// URL.")]
    events: Annotated[
        list[Literal["job.finished", "job.failed", "budget.80", "budget.reached"]], Field(min_length=1, max_length=10)
    ]


class ChannelJson(TypedDict):
    """`paused` says why nothing is sent there any more. `secret` is there once, when a webhook is made."""

    channel_id: str
    kind: ChannelKind
    target: str
    events: list[NoticeKind]
    paused: str
    created_at: datetime
    secret: NotRequired[str]


class ChannelListJson(TypedDict):
    items: list[ChannelJson]


class TryJson(TypedDict):
    """`answer` is the status that a webhook was answered with; null when no answer came."""

    at: datetime
    answer: int | None
    fault: str
    milliseconds: int


class DeliveryJson(TypedDict):
    delivery_id: str
    event: NoticeKind
    data: dict[str, Any]
    status: str
    created_at: datetime
    next_at: datetime | None
    tries: list[TryJson]


class DeliveryPageJson(TypedDict):
    items: list[DeliveryJson]
    cursor: str | None


class DeliveryQuery(Query):
    limit: Limit = 50
    cursor: Cursor = Field(None, description=CURSOR)


@notifications.api(
    "GET",
    TENANTS,
    permission=Permission.NOTIFICATIONS_READ,
    summary="List the organisation's channels",
    answers={200: ChannelListJson},
    errors=(403,),
)
def list_channels(request: Request, tenant_id: str) -> Answer:  # noqa: ARG001 - the caller is there as one of it
    return _list(request, personal=False)


@notifications.api(
    "POST",
    TENANTS,
    permission=Permission.NOTIFICATIONS_WRITE,
    summary="Tell an address what happens in the organisation",
    details=WEBHOOKS,
    body=json_body(
        ChannelRequest, example={"kind": "webhook", "target": "https://example.org/hook", "events": ["job.failed"]}
    ),
    answers={201: ChannelJson},
    errors=(403, 422),
)
def create_channel(request: Request, tenant_id: str, body: ChannelRequest) -> Answer:  # noqa: ARG001 - the same
    return _create(request, body, personal=False)


@notifications.api(
    "DELETE",
    f"{TENANTS}/{{channel_id}}",
    permission=Permission.NOTIFICATIONS_WRITE,
    summary="Remove a channel of the organisation",
    answers={204: None},
    errors=(403, 409),
)
def delete_channel(request: Request, tenant_id: str, channel_id: str) -> Answer:  # noqa: ARG001 - the same
    operations.delete(request.ports, request.caller, channel_id, personal=False)
    return no_content()


@notifications.api(
    "GET",
    f"{TENANTS}/{{channel_id}}/deliveries",
    permission=Permission.NOTIFICATIONS_READ,
    summary="See what was sent to a channel of the organisation",
    details="Newest first, for 30 days.",
    query=DeliveryQuery,
    answers={200: DeliveryPageJson},
    errors=(403,),
    headers=NEXT,
)
def list_deliveries(request: Request, tenant_id: str, channel_id: str, query: DeliveryQuery) -> Answer:  # noqa: ARG001 - the same
    return _deliveries(request, channel_id, query, personal=False)


@notifications.api(
    "POST",
    f"{TENANTS}/{{channel_id}}/deliveries/{{delivery_id}}/redeliver",
    permission=Permission.NOTIFICATIONS_WRITE,
    summary="Send it to the organisation's channel again",
    details="Under the same id. A channel that was paused works again.",
    answers={202: DeliveryJson},
    errors=(403, 409),
)
def redeliver(request: Request, tenant_id: str, channel_id: str, delivery_id: str) -> Answer:  # noqa: ARG001 - the same
    return _redeliver(request, channel_id, delivery_id, personal=False)


@notifications.api(
    "GET",
    MINE,
    permission=Permission.ACCOUNT_READ,
    summary="List my channels",
    answers={200: ChannelListJson},
)
def list_mine(request: Request) -> Answer:
    return _list(request, personal=True)


@notifications.api(
    "POST",
    MINE,
    permission=Permission.ACCOUNT_WRITE,
    summary="Tell me about my jobs",
    details=f"By mail at your own address, or by webhook. {WEBHOOKS}",
    body=json_body(ChannelRequest, example={"kind": "email", "target": "ada@example.org", "events": ["job.failed"]}),
    answers={201: ChannelJson},
    errors=(403, 422),
)
def create_mine(request: Request, body: ChannelRequest) -> Answer:
    return _create(request, body, personal=True)


@notifications.api(
    "DELETE",
    f"{MINE}/{{channel_id}}",
    permission=Permission.ACCOUNT_WRITE,
    summary="Remove a channel of mine",
    answers={204: None},
    errors=(403, 409),
)
def delete_mine(request: Request, channel_id: str) -> Answer:
    operations.delete(request.ports, request.caller, channel_id, personal=True)
    return no_content()


@notifications.api(
    "GET",
    f"{MINE}/{{channel_id}}/deliveries",
    permission=Permission.ACCOUNT_READ,
    summary="See what was sent to a channel of mine",
    query=DeliveryQuery,
    answers={200: DeliveryPageJson},
    headers=NEXT,
)
def list_my_deliveries(request: Request, channel_id: str, query: DeliveryQuery) -> Answer:
    return _deliveries(request, channel_id, query, personal=True)


@notifications.api(
    "POST",
    f"{MINE}/{{channel_id}}/deliveries/{{delivery_id}}/redeliver",
    permission=Permission.ACCOUNT_WRITE,
    summary="Send it to a channel of mine again",
    answers={202: DeliveryJson},
    errors=(403, 409),
)
def redeliver_mine(request: Request, channel_id: str, delivery_id: str) -> Answer:
    return _redeliver(request, channel_id, delivery_id, personal=True)


def _list(request: Request, *, personal: bool) -> Answer:
    found = operations.list_channels(request.ports, request.caller, personal=personal)
    return json_answer({"items": [_channel_json(each) for each in found]})


def _create(request: Request, body: ChannelRequest, *, personal: bool) -> Answer:
    channel, secret = operations.create(
        request.ports,
        request.caller,
        kind=ChannelKind(body.kind),
        target=body.target,
        events=[*map(NoticeKind, body.events)],
        personal=personal,
    )
    shown = _channel_json(channel)
    return json_answer({**shown, "secret": secret} if secret else shown, 201)


def _deliveries(request: Request, channel_id: str, query: DeliveryQuery, *, personal: bool) -> Answer:
    page = operations.list_deliveries(
        request.ports, request.caller, channel_id, personal=personal, limit=query.limit, cursor=query.cursor
    )
    shown = {"items": [_delivery_json(each) for each in page.items], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


def _redeliver(request: Request, channel_id: str, delivery_id: str, *, personal: bool) -> Answer:
    again = operations.redeliver(request.ports, request.caller, channel_id, delivery_id, personal=personal)
    return json_answer(_delivery_json(again), 202)


def _channel_json(channel: Channel) -> ChannelJson:
    return {
        "channel_id": channel.channel_id,
        "kind": channel.kind,
        "target": channel.target,
        "events": sorted(channel.events),
        "paused": channel.paused,
        "created_at": channel.created_at,
    }


def _delivery_json(delivery: Delivery) -> DeliveryJson:
    return {
        "delivery_id": delivery.delivery_id,
        "event": delivery.event,
        "data": dict(delivery.data),
        "status": delivery.status.value,
        "created_at": delivery.created_at,
        "next_at": delivery.next_at,
        "tries": [
            {"at": each.at, "answer": each.answer, "fault": each.fault, "milliseconds": each.milliseconds}
            for each in delivery.tries
        ],
    }
