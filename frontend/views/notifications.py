"""What was sent where, as the page says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.notifications.model import Delivery, DeliveryStatus, NoticeKind
from frontend.views.words import Look

DELIVERY_LOOKS: Mapping[DeliveryStatus, Look] = {
    DeliveryStatus.PENDING: Look("On its way", "wait", "wait"),
    DeliveryStatus.DELIVERED: Look("Delivered", "ok", "ok"),
    DeliveryStatus.FAILED: Look("Failed", "fail", "fail"),
}
EVENT_WORDS: Mapping[NoticeKind, str] = {
    NoticeKind.JOB_FINISHED: "A job succeeded or was cancelled",
    NoticeKind.JOB_FAILED: "A job failed or was timed out",
    NoticeKind.BUDGET_80: "80 % of the monthly budget are spent",
    NoticeKind.BUDGET_REACHED: "The monthly budget is used up",
}


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    delivery_id: str
    event: str
    about: str
    look: Look
    created_at: datetime
    next_at: datetime | None
    tries: tuple[tuple[datetime, str], ...]


def delivery_row(delivery: Delivery) -> DeliveryRow:
    about = str(delivery.data.get("name") or delivery.data.get("month") or "")
    tries = tuple((each.at, _outcome(each.answer, each.fault, each.milliseconds)) for each in delivery.tries)
    return DeliveryRow(
        delivery.delivery_id,
        delivery.event.value,
        about,
        DELIVERY_LOOKS[delivery.status],
        delivery.created_at,
        delivery.next_at,
        tries,
    )


def _outcome(answer: int | None, fault: str, milliseconds: int) -> str:
    told = f"answered {answer}" if answer is not None else fault or "sent"
    detail = f" ({fault[:100]})" if answer is not None and fault else ""
    return f"{told}{detail}, {milliseconds} ms"
