"""What notifications say, in mails and in webhooks."""

from datetime import datetime
from html import escape

import orjson

from chalicelib.clock import to_text
from chalicelib.mail import Mail
from chalicelib.notifications import signing
from chalicelib.notifications.model import Delivery, NoticeKind


def mail_of(delivery: Delivery, address: str) -> Mail:
    subject, line, path = _words(delivery)
    link = f"{address}{path}"
    text = f"{line}\n\n{link}\n\nYou get this because of your notifications at {address}/notifications\n"
    html = f'<p>{escape(line)}</p><p><a href="{escape(link)}">{escape(link)}</a></p>'
    return Mail(delivery.target, " ".join(subject.split())[:200], text, html)


def _words(delivery: Delivery) -> tuple[str, str, str]:
    """Subject, one line, and where to look."""
    data = delivery.data
    if delivery.event in (NoticeKind.JOB_FINISHED, NoticeKind.JOB_FAILED):
        state = str(data["status"]).replace("_", " ")
        told = f"The job {data['name']} ended as {state}: {data['summary']}."
        return f"{data['name']}: {state}", told, f"/jobs/{data['job_id']}"
    spent, budget = (f"${int(data[each]) / 1e6:,.2f}" for each in ("spent_micros", "budget_micros"))
    told = "is used up" if delivery.event is NoticeKind.BUDGET_REACHED else "is used to 80 %"
    return f"The budget of {data['month']} {told}", f"{spent} of {budget} are spent in {data['month']}.", "/limits"


def webhook_body(delivery: Delivery, address: str) -> bytes:
    data = dict(delivery.data)
    if "job_id" in data:
        data["url"] = f"{address}/jobs/{data['job_id']}"
    told = {
        "type": delivery.event.value,
        "timestamp": to_text(delivery.created_at),
        "tenant_id": delivery.tenant_id,
        "data": data,
    }
    return orjson.dumps(told)


def webhook_headers(secret: str, delivery: Delivery, now: datetime, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Millrace",
        **signing.headers(secret, delivery.delivery_id, now, body),
    }
