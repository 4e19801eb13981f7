"""What came to a webhook, as the page says it."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.webhook.model import Received
from frontend.views.words import Look

TAKEN = Look("Taken", "ok", "ok")
REFUSED = Look("Refused", "fail", "fail")
_SUCCESS = 200


@dataclass(frozen=True, slots=True)
class ReceivedRow:
    what: str
    delivery_id: str
    look: Look
    status: int
    job_id: str
    told: str
    at: datetime


def received_row(received: Received) -> ReceivedRow:
    return ReceivedRow(
        what=received.event or "call",
        delivery_id=received.delivery_id,
        look=TAKEN if received.status == _SUCCESS else REFUSED,
        status=received.status,
        job_id=received.job_id,
        told="; ".join(received.told),
        at=received.at,
    )
