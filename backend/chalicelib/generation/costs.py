"""What a tenant spent, by day, model, template and member. It stays when jobs are deleted."""

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.documents import Absent, ConditionFailed, Key, Put, Range, Update, Write
from chalicelib.generation import store
from chalicelib.generation.jobs.model import MILLION
from chalicelib.generation.store import Entry
from chalicelib.limits import budget
from chalicelib.limits.budget import BudgetReached
from chalicelib.wiring import Ports

By = Literal["day", "model", "template", "member"]
NOTHING = {"calls": 0, "input_tokens": 0, "output_tokens": 0, "cost": 0, "records": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """`cost` is in micro-dollars. `key` is a day, a model, a template's id or a member; `label` says it to people."""

    key: str
    label: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: int
    records: int


class Spender(Protocol):
    """For what, and by whom. A job's plan is one."""

    @property
    def template_id(self) -> str: ...
    @property
    def template_name(self) -> str: ...
    @property
    def username(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Trial:
    """Somebody who tries a template."""

    template_id: str
    template_name: str
    username: str


def charge(
    ports: Ports, tenant_id: str, spender: Spender, entries: Sequence[Entry], *, told: Sequence[Write] = ()
) -> None:
    """Count what was spent outside of any job, together with what else is `told` of it."""
    changes = additions(ports, tenant_id, spender, entries, records=0)
    for each in changes:
        with suppress(ConditionFailed):
            ports.documents.transact([Put(each.key, NOTHING, [Absent()])])
    spent = budget.charge(ports, tenant_id, sum(each.cost for each in entries))
    ports.documents.transact([*changes, spent, *told])
    with suppress(BudgetReached):
        budget.check(ports, tenant_id)


def additions(ports: Ports, tenant_id: str, plan: Spender, entries: Sequence[Entry], *, records: int) -> list[Update]:
    """Counters that grow with a batch; its records count with the last of its models."""
    day = ports.clock.now().date().isoformat()
    last = entries[-1].model if entries else ""
    found: dict[Key, dict[str, int]] = {}
    for each in entries:
        amounts = found.setdefault(_key(tenant_id, day, each.model, plan), dict(NOTHING))
        for name in ("calls", "input_tokens", "output_tokens", "cost"):
            amounts[name] += getattr(each, name)
        if each.model == last:
            amounts["records"] = records
    named = {"template_name": plan.template_name}
    return [Update(key, set=named, add=amounts) for key, amounts in found.items()]


def _key(tenant_id: str, day: str, model: str, plan: Spender) -> Key:
    return Key(f"costs#{tenant_id}", f"{day}#{model}#{plan.template_id}#{plan.username}"[:500])


def summary(ports: Ports, caller: Caller, *, since: date, until: date, by: By) -> list[CostRow]:
    """Both days included; days come in order, all else by cost."""
    require(caller, Permission.COSTS_READ)
    found: dict[str, CostRow] = {}
    within = Range(start=since.isoformat(), end=f"{until.isoformat()}~")
    for each in store.every(ports.documents, f"costs#{caller.tenant_id}", within):
        day, model, template_id, member = each.key.sort.split("#", 3)
        key = {"day": day, "model": model, "template": template_id, "member": member}[by]
        label = str(each.body.get("template_name", key)) if by == "template" else key
        row = found.get(key, CostRow(key=key, label=label, **NOTHING))
        counts = {name: getattr(row, name) + each.body[name] for name in NOTHING}
        found[key] = CostRow(key=key, label=label, **counts)
    rows = sorted(found.values(), key=lambda row: row.key)
    return rows if by == "day" else sorted(rows, key=lambda row: -row.cost)


def as_csv(rows: Sequence[CostRow], by: By) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([by, "records", "calls", "input_tokens", "output_tokens", "cost_usd"])
    for row in rows:
        counts = [row.records, row.calls, row.input_tokens, row.output_tokens]
        writer.writerow([_harmless(row.label), *counts, f"{row.cost / MILLION:.6f}"])
    return out.getvalue()


def _harmless(text: str) -> str:
    """Spreadsheets take these beginnings for formulas."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
