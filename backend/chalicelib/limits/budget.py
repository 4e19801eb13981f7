"""A tenant's money in a month of UTC, in integer micro-dollars, and the alerts at 80 % and 100 % of its budget."""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.accounts.tenants.standing import standing
from chalicelib.documents import Absent, ConditionFailed, Document, FieldAtMost, Put, Update
from chalicelib.errors import Conflict, Unprocessable
from chalicelib.limits import store
from chalicelib.notifications import notices
from chalicelib.notifications.model import Notice, NoticeKind
from chalicelib.wiring import Ports

ALERTS = ((80, NoticeKind.BUDGET_80), (100, NoticeKind.BUDGET_REACHED))
CHARGES_KEPT = timedelta(days=40)
_TRIES = 20


class BudgetReached(Unprocessable):
    type = "budget-reached"
    title = "The organisation's budget of this month is used up"


@dataclass(frozen=True, slots=True)
class Month:
    """`alerted` is the highest percentage that was told. `budget` is None when there is none."""

    month: str
    spent: int
    alerted: int
    budget: int | None


def charge(ports: Ports, tenant_id: str, amount: int, *, charge_id: str) -> Month:
    """Count what was spent, once for each `charge_id`, and tell when it reaches 80 % and 100 % of the budget."""
    if amount < 0:
        raise ValueError("money is never given back")
    now = ports.clock.now()
    key = store.month_key(tenant_id, now)
    once = Put(store.charge_key(tenant_id, charge_id), {"amount": amount}, [Absent()], expires=now + CHARGES_KEPT)
    for _ in range(_TRIES):
        try:
            ports.documents.transact([Update(key, add={"spent": amount}), once])
        except ConditionFailed as error:
            if once.key in error.keys:
                break
            _begin_month(ports, tenant_id)
            continue
        break
    else:
        raise Conflict("The budget is changing too fast just now; try again.")
    return _alert(ports, tenant_id)


def month(ports: Ports, tenant_id: str) -> Month:
    """The present one."""
    return _to_month(ports, tenant_id, ports.documents.get(store.month_key(tenant_id, ports.clock.now())))


def check(ports: Ports, tenant_id: str) -> None:
    """Raises BudgetReached."""
    found = month(ports, tenant_id)
    if found.budget is not None and found.spent >= found.budget:
        told = f"${found.spent / 1e6:,.2f} of ${found.budget / 1e6:,.2f}"
        raise BudgetReached(
            f"The budget of {found.month} is used up: {told}. Ask for more, or wait for the next month."
        )


def _begin_month(ports: Ports, tenant_id: str) -> None:
    try:
        ports.documents.transact(
            [Put(store.month_key(tenant_id, ports.clock.now()), {"spent": 0, "alerted": 0}, [Absent()])]
        )
    except ConditionFailed:
        # Begun by another charge at the same moment.
        return


def _alert(ports: Ports, tenant_id: str) -> Month:
    """Tell what has been reached and not told yet, also what a crash kept an earlier charge from telling."""
    found = month(ports, tenant_id)
    for percent, kind in ALERTS:
        if found.budget is None or found.spent * 100 < found.budget * percent or found.alerted >= percent:
            continue
        notice = Notice(
            notice_id=f"budget{percent}-{tenant_id}-{found.month}",
            tenant_id=tenant_id,
            kind=kind,
            at=ports.clock.now(),
            data={"month": found.month, "spent_micros": found.spent, "budget_micros": found.budget},
        )
        told = Update(
            store.month_key(tenant_id, ports.clock.now()),
            {"alerted": percent},
            conditions=[FieldAtMost("alerted", percent - 1)],
        )
        try:
            ports.documents.transact([told, notices.put(notice)])
        except ConditionFailed:
            # Told by another charge at the same moment.
            continue
        notices.wake(ports, notice)
    return month(ports, tenant_id)


def _to_month(ports: Ports, tenant_id: str, found: Document | None) -> Month:
    budget = standing(ports.documents, tenant_id).limits.monthly_budget
    body = found.body if found else {"spent": 0, "alerted": 0}
    return Month(store.month_of(ports.clock.now()), body["spent"], body["alerted"], budget)
