"""Where one is told how jobs end, and what was sent there."""

from chalicelib.accounts.permissions import Permission, may
from chalicelib.errors import Conflict, Invalid, MillraceError, Unprocessable
from chalicelib.exchange import Answer
from chalicelib.notifications import operations
from chalicelib.notifications.model import ChannelKind, NoticeKind
from frontend.door import PagesDoor
from frontend.views.notifications import EVENT_WORDS, delivery_row
from frontend.visit import Pages, Visit

notifications = Pages(__name__, PagesDoor())

REFUSALS = (Conflict, Invalid, Unprocessable)
PAGE = 50
MINE, SHARED = "/notifications", "/channels"
ABOUT_ME = (NoticeKind.JOB_FINISHED, NoticeKind.JOB_FAILED)


@notifications.page(MINE, permission=Permission.ACCOUNT_READ)
def mine(visit: Visit) -> Answer:
    return _page(visit, personal=True)


@notifications.page(MINE, methods=("POST",), permission=Permission.ACCOUNT_WRITE)
def create_mine(visit: Visit) -> Answer:
    return _create(visit, personal=True)


@notifications.page(f"{MINE}/{{channel_id}}", permission=Permission.ACCOUNT_READ)
def my_deliveries(visit: Visit, channel_id: str) -> Answer:
    return _deliveries(visit, channel_id, personal=True)


@notifications.page(f"{MINE}/{{channel_id}}/delete", methods=("POST",), permission=Permission.ACCOUNT_WRITE)
def delete_mine(visit: Visit, channel_id: str) -> Answer:
    return _delete(visit, channel_id, personal=True)


@notifications.page(
    f"{MINE}/{{channel_id}}/{{delivery_id}}/redeliver", methods=("POST",), permission=Permission.ACCOUNT_WRITE
)
def redeliver_mine(visit: Visit, channel_id: str, delivery_id: str) -> Answer:
    return _redeliver(visit, channel_id, delivery_id, personal=True)


@notifications.page(SHARED, permission=Permission.NOTIFICATIONS_READ)
def shared(visit: Visit) -> Answer:
    return _page(visit, personal=False)


@notifications.page(SHARED, methods=("POST",), permission=Permission.NOTIFICATIONS_WRITE)
def create_shared(visit: Visit) -> Answer:
    return _create(visit, personal=False)


@notifications.page(f"{SHARED}/{{channel_id}}", permission=Permission.NOTIFICATIONS_READ)
def shared_deliveries(visit: Visit, channel_id: str) -> Answer:
    return _deliveries(visit, channel_id, personal=False)


@notifications.page(f"{SHARED}/{{channel_id}}/delete", methods=("POST",), permission=Permission.NOTIFICATIONS_WRITE)
def delete_shared(visit: Visit, channel_id: str) -> Answer:
    return _delete(visit, channel_id, personal=False)


@notifications.page(
    f"{SHARED}/{{channel_id}}/{{delivery_id}}/redeliver", methods=("POST",), permission=Permission.NOTIFICATIONS_WRITE
)
def redeliver_shared(visit: Visit, channel_id: str, delivery_id: str) -> Answer:
    return _redeliver(visit, channel_id, delivery_id, personal=False)


def _path(*, personal: bool) -> str:
    return MINE if personal else SHARED


def _create(visit: Visit, *, personal: bool) -> Answer:
    kind, target = visit.form.text("kind"), visit.form.text("target")
    events = [NoticeKind(each) for each in visit.form.all("events") if each in set(NoticeKind)]
    try:
        channel, secret = operations.create(
            visit.ports,
            visit.caller,
            kind=ChannelKind(kind) if kind in set(ChannelKind) else ChannelKind.EMAIL,
            target=target,
            events=events,
            personal=personal,
        )
    except REFUSALS as error:
        return _page(visit, error, personal=personal, target=target)
    if not secret:
        return visit.go_to(_path(personal=personal), did="channel-made")
    return visit.page("channel.html", channel=channel, secret=secret, path=_path(personal=personal))


def _delete(visit: Visit, channel_id: str, *, personal: bool) -> Answer:
    operations.delete(visit.ports, visit.caller, channel_id, personal=personal)
    return visit.go_to(_path(personal=personal), did="channel-deleted")


def _redeliver(visit: Visit, channel_id: str, delivery_id: str, *, personal: bool) -> Answer:
    operations.redeliver(visit.ports, visit.caller, channel_id, delivery_id, personal=personal)
    return visit.go_to(f"{_path(personal=personal)}/{channel_id}", did="redelivered")


def _page(visit: Visit, error: MillraceError | None = None, *, personal: bool, target: str = "") -> Answer:
    kinds = ABOUT_ME if personal else tuple(NoticeKind)
    writes = Permission.ACCOUNT_WRITE if personal else Permission.NOTIFICATIONS_WRITE
    return visit.page(
        "notifications.html",
        status=error.status if error else 200,
        path=_path(personal=personal),
        personal=personal,
        channels=operations.list_channels(visit.ports, visit.caller, personal=personal),
        events=[(kind.value, EVENT_WORDS[kind]) for kind in kinds],
        writes=may(visit.caller, writes),
        shares=personal and may(visit.caller, Permission.NOTIFICATIONS_READ),
        target=target,
        fault=error.detail if error else "",
        faults={each.place: f"It {each.message}." for each in error.faults} if isinstance(error, Invalid) else {},
    )


def _deliveries(visit: Visit, channel_id: str, *, personal: bool) -> Answer:
    path = _path(personal=personal)
    cursor = visit.request.first("cursor")
    channel = operations.get(visit.ports, visit.caller, channel_id, personal=personal)
    page = operations.list_deliveries(
        visit.ports, visit.caller, channel_id, personal=personal, limit=PAGE, cursor=cursor or None
    )
    return visit.page(
        "deliveries.html",
        path=path,
        channel=channel,
        rows=[delivery_row(each) for each in page.items],
        writes=may(visit.caller, Permission.ACCOUNT_WRITE if personal else Permission.NOTIFICATIONS_WRITE),
        next_url=visit.url(f"{path}/{channel_id}", cursor=page.cursor) if page.cursor else "",
    )
