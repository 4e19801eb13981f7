"""The audit over REST."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from chalicelib.accounts.permissions import Permission
from chalicelib.audit import operations
from chalicelib.audit.model import Entry
from chalicelib.audit.operations import AuditFilters
from chalicelib.bodies import Query
from chalicelib.exchange import Answer, Request, json_answer
from chalicelib.jobs.inputs import CURSOR, Cursor, Limit, Moment
from chalicelib.rest import Blueprint, next_link

audit = Blueprint(__name__, group="Audit")

CSV = "text/csv; charset=utf-8"
_Text = Annotated[str, Field(max_length=300)]


class EntryJson(TypedDict):
    """`before` and `after` hold the fields that the change is about; values of secrets are left out."""

    entry_id: str
    at: datetime
    actor: str
    action: str
    resource: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str
    user_agent: str
    request_id: str
    key_id: str


class EntryPageJson(TypedDict):
    items: list[EntryJson]
    cursor: str | None


class AuditExportQuery(Query):
    actor: _Text | SkipJsonSchema[None] = Field(None, description="An e-mail address.")
    action: _Text | SkipJsonSchema[None] = Field(None, description="As `job.cancel`.")
    resource: _Text | SkipJsonSchema[None] = Field(None, description="As `job/<its id>`.")
    since: Moment = Field(None, description="Then or later: RFC 3339, with its offset from UTC.")
    until: Moment = Field(None, description="Then or earlier.")
    cursor: Cursor = Field(None, description=CURSOR)

    def filters(self) -> AuditFilters:
        return AuditFilters(
            actor=self.actor or "",
            action=self.action or "",
            resource=self.resource or "",
            since=self.since,
            until=self.until,
        )


class AuditQuery(AuditExportQuery):
    limit: Limit = 50


@audit.api(
    "GET",
    "/api/tenants/{tenant_id}/audit",
    permission=Permission.AUDIT_READ,
    summary="Search the audit",
    details="Newest first. Every change is there once, by whoever and from wherever.",
    query=AuditQuery,
    answers={200: EntryPageJson},
    errors=(403,),
    headers={"Link": 'Address of the next page (`rel="next"`), when there is one.'},
)
def search_audit(request: Request, tenant_id: str, query: AuditQuery) -> Answer:
    page = operations.search(
        request.ports, request.caller, tenant_id, query.filters(), limit=query.limit, cursor=query.cursor
    )
    shown = {"items": [_entry_json(each) for each in page.items], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


@audit.api(
    "GET",
    "/api/tenants/{tenant_id}/audit/export",
    permission=Permission.AUDIT_READ,
    summary="Export the audit as CSV",
    details="Newest first, about a megabyte at a time: the Link header leads to what comes after it.",
    query=AuditExportQuery,
    answers={200: str},
    errors=(403,),
    media_type=CSV,
    headers={"Link": 'Address of the next part (`rel="next"`), when there is one.'},
)
def export_audit(request: Request, tenant_id: str, query: AuditExportQuery) -> Answer:
    made = operations.export(request.ports, request.caller, tenant_id, query.filters(), cursor=query.cursor)
    told = {"Content-Type": CSV, "Content-Disposition": 'attachment; filename="audit.csv"'}
    return Answer(made.text, 200, {**told, **next_link(request, made.cursor)})


def _entry_json(entry: Entry) -> EntryJson:
    return {
        "entry_id": entry.entry_id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "resource": entry.resource,
        "before": dict(entry.before) if entry.before is not None else None,
        "after": dict(entry.after) if entry.after is not None else None,
        "address": entry.address,
        "user_agent": entry.user_agent,
        "request_id": entry.request_id,
        "key_id": entry.key_id,
    }
