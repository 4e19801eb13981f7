"""A tenant's money in a month of UTC, in integer micro-dollars, and the alerts at 80 % and 100 % of its budget."""

from contextlib import suppress
from dataclasses import dataclass

from chalicelib.accounts.tenants.standing import standing
from chalicelib.documents import Absent, ConditionFailed, Document, FieldAtMost, Put, Update
from chalicelib.errors import Unprocessable
from chalicelib.limits import store
from chalicelib.notifications import notices
from chalicelib.notifications.model import Notice, NoticeKind
from chalicelib.wiring import Ports

ALERTS = ((80, NoticeKind.BUDGET_80), (100, NoticeKind.BUDGET_REACHED))


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

    def reaches(self, percent: int) -> bool:
        return self.budget is not None and self.spent * 100 >= self.budget * percent


def charge(ports: Ports, tenant_id: str, amount: int) -> Update:
    """Counts what was spent, in the transaction that also says what for: so nothing is lost or counted twice.

    `check` follows it, which tells what has been reached.
    """
    if amount < 0:
        raise ValueError("money is never given back")
    _begin_month(ports, tenant_id)
    return Update(store.month_key(tenant_id, ports.clock.now()), add={"spent": amount})


def month(ports: Ports, tenant_id: str) -> Month:
    """The present one."""
    return _to_month(ports, tenant_id, ports.documents.get(store.month_key(tenant_id, ports.clock.now())))


def check(ports: Ports, tenant_id: str, *, owing: int = 0) -> Month:
    """The present month. Tells what was reached and not told yet, also what a crash kept somebody else from telling.

    Raises BudgetReached, also where it is reached with what the caller is `owing` and will charge.
    """
    found = month(ports, tenant_id)
    for percent, kind in ALERTS:
        if found.reaches(percent) and found.alerted < percent:
            _tell(ports, tenant_id, found, percent, kind)
    if found.budget is not None and found.spent + owing >= found.budget:
        told = f"${(found.spent + owing) / 1e6:,.2f} of ${found.budget / 1e6:,.2f}"
        raise BudgetReached(
            f"The organisation's budget of {found.month} is used up: {told}. Ask for more, or wait for the next month."
        )
    return found


def _begin_month(ports: Ports, tenant_id: str) -> None:
    key = store.month_key(tenant_id, ports.clock.now())
    if ports.documents.get(key):
        return
    # Else it was begun by another charge at the same moment.
    with suppress(ConditionFailed):
        ports.documents.transact([Put(key, {"spent": 0, "alerted": 0}, [Absent()])])


def _tell(ports: Ports, tenant_id: str, found: Month, percent: int, kind: NoticeKind) -> None:
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
        return
    notices.wake(ports, notice)


def _to_month(ports: Ports, tenant_id: str, found: Document | None) -> Month:
    budget = standing(ports.documents, tenant_id).limits.monthly_budget
    body = found.body if found else {"spent": 0, "alerted": 0}
    return Month(store.month_of(ports.clock.now()), body["spent"], body["alerted"], budget)
