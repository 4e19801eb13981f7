"""Tenants over REST: their life, their tree, and the units inside them."""

from chalicelib.accounts.permissions import Permission
from chalicelib.accounts.tenants import lifecycle, moving, operations, removal, structuring
from chalicelib.accounts.tenants.model import Environment, Tenant
from chalicelib.accounts.tenants.operations import NewTenant, TenantChanges, TenantFilters
from chalicelib.accounts.tenants.shapes import (
    DeletionJson,
    DeletionQuery,
    MoveRequest,
    PlaceRequest,
    ReasonRequest,
    TenantEdit,
    TenantJson,
    TenantListJson,
    TenantListQuery,
    TenantPageJson,
    TenantRequest,
    UnitDeletionQuery,
    UnitEdit,
    UnitJson,
    UnitListJson,
    UnitRequest,
    tenant_json,
    unit_json,
)
from chalicelib.accounts.tenants.units import Level
from chalicelib.exchange import Answer, Request, dump, json_answer, no_content
from chalicelib.rest import Blueprint, check_match, json_body, next_link

tenants = Blueprint(__name__, group="Organisations")

TENANT = "/api/tenants/{tenant_id}"
UNIT = f"{TENANT}/units/{{unit_id}}"


@tenants.api(
    "POST",
    "/api/tenants",
    permission=Permission.TENANTS_CREATE,
    summary="Make an organisation",
    details="Below your own, of which you must be an admin; you are its first admin. Who runs the platform makes it "
    "anywhere, and it has no members then.",
    body=json_body(TenantRequest, example={"organisation_name": "Engines North"}),
    answers={201: TenantJson},
    errors=(403, 404, 409, 422),
    headers={"Location": "Address of the organisation."},
)
def create_tenant(request: Request, body: TenantRequest) -> Answer:
    new = NewTenant(
        organisation=body.organisation_name,
        contact_email=body.contact_email,
        environment=Environment(body.environment),
        metadata=body.metadata,
        parent_tenant_id=body.parent_tenant_id or "",
    )
    made = operations.create(request.ports, request.caller, new, tenant_id=request.new_id())
    return json_answer(tenant_json(made), 201, {"Location": f"{request.base}/api/tenants/{made.tenant_id}"})


@tenants.api(
    "GET",
    "/api/tenants",
    permission=Permission.TENANTS_READ,
    summary="List all organisations of the platform",
    details="By name. For those who run the platform.",
    query=TenantListQuery,
    answers={200: TenantPageJson},
    errors=(403,),
    headers={"Link": 'Address of the next page (`rel="next"`), when there is one.'},
)
def list_tenants(request: Request, query: TenantListQuery) -> Answer:
    filters = TenantFilters(status=query.status, environment=query.environment, name=query.name or "")
    page = operations.list_all(request.ports, request.caller, filters, limit=query.limit, cursor=query.cursor)
    shown = {"items": [tenant_json(each) for each in page.items], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


@tenants.api("GET", TENANT, permission=Permission.TENANT_READ, summary="See an organisation", answers={200: TenantJson})
def get_tenant(request: Request, tenant_id: str) -> Answer:
    return _shown(operations.get(request.ports, request.caller, tenant_id))


@tenants.api(
    "PATCH",
    TENANT,
    permission=Permission.TENANT_WRITE,
    summary="Change an organisation",
    details="`metadata` is merged (RFC 7396). With If-Match, only if it still is what you read.",
    body=json_body(TenantEdit, example={"metadata": {"cost_centre": "4711"}}),
    answers={200: TenantJson},
    errors=(403, 409, 412),
)
def update_tenant(request: Request, tenant_id: str, body: TenantEdit) -> Answer:
    def check(found: Tenant) -> None:
        check_match(request, lambda: dump(tenant_json(found)))

    changes = TenantChanges(
        organisation=body.organisation_name,
        contact_email=body.contact_email,
        environment=Environment(body.environment) if body.environment else None,
        metadata=body.metadata,
    )
    return _shown(operations.update(request.ports, request.caller, tenant_id, changes, check=check))


@tenants.api(
    "DELETE",
    TENANT,
    permission=Permission.TENANT_DELETE,
    summary="Delete an organisation with all that is in it",
    details="It is closed at once with all that are below it; a job then removes what was theirs, leaf first. While "
    "something in it is active, only with `force=true` and `confirm=<its name>`. The audit is kept.",
    query=DeletionQuery,
    answers={202: DeletionJson},
    errors=(403, 422),
    headers={"Location": "Address of the job."},
)
def delete_tenant(request: Request, tenant_id: str, query: DeletionQuery) -> Answer:
    job_id = removal.delete(request.ports, request.caller, tenant_id, force=query.force, confirm=query.confirm)
    return json_answer({"job_id": job_id}, 202, {"Location": f"{request.base}/api/jobs/{job_id}"})


@tenants.api(
    "POST",
    f"{TENANT}/park",
    permission=Permission.TENANT_PARK,
    summary="Park an organisation",
    details="What runs goes on to its end, what is queued waits, and nothing new is made.",
    body=json_body(ReasonRequest, example={"reason": "Closed over the summer"}),
    answers={200: TenantJson},
    errors=(403, 422),
)
def park_tenant(request: Request, tenant_id: str, body: ReasonRequest) -> Answer:
    return _shown(lifecycle.act(request.ports, request.caller, tenant_id, "park", body.reason))


@tenants.api(
    "POST",
    f"{TENANT}/unpark",
    permission=Permission.TENANT_PARK,
    summary="Wake a parked organisation",
    details="Its queued jobs go on.",
    answers={200: TenantJson},
    errors=(403, 422),
)
def unpark_tenant(request: Request, tenant_id: str) -> Answer:
    return _shown(lifecycle.act(request.ports, request.caller, tenant_id, "unpark"))


@tenants.api(
    "POST",
    f"{TENANT}/suspend",
    permission=Permission.TENANT_SUSPEND,
    summary="Suspend an organisation",
    details="As parking it, by those who run the platform.",
    body=json_body(ReasonRequest, example={"reason": "The invoice of May is not paid"}),
    answers={200: TenantJson},
    errors=(403, 422),
)
def suspend_tenant(request: Request, tenant_id: str, body: ReasonRequest) -> Answer:
    return _shown(lifecycle.act(request.ports, request.caller, tenant_id, "suspend", body.reason))


@tenants.api(
    "POST",
    f"{TENANT}/resume",
    permission=Permission.TENANT_SUSPEND,
    summary="Wake a suspended organisation",
    answers={200: TenantJson},
    errors=(403, 422),
)
def resume_tenant(request: Request, tenant_id: str) -> Answer:
    return _shown(lifecycle.act(request.ports, request.caller, tenant_id, "resume"))


@tenants.api(
    "GET",
    f"{TENANT}/children",
    permission=Permission.TENANT_READ,
    summary="List the organisations right below one",
    answers={200: TenantListJson},
)
def list_child_tenants(request: Request, tenant_id: str) -> Answer:
    found = moving.list_children(request.ports, request.caller, tenant_id)
    return json_answer({"items": [tenant_json(each) for each in found]})


@tenants.api(
    "POST",
    f"{TENANT}/move",
    permission=Permission.TENANT_WRITE,
    summary="Put an organisation under another",
    details="With all that is below it. You must be an admin of both. At most 5 levels; never under itself.",
    body=json_body(MoveRequest),
    answers={200: TenantJson},
    errors=(403, 409, 422),
)
def move_tenant(request: Request, tenant_id: str, body: MoveRequest) -> Answer:
    return _shown(moving.move(request.ports, request.caller, tenant_id, body.parent_tenant_id or ""))


@tenants.api(
    "POST",
    f"{TENANT}/place",
    permission=Permission.TENANT_WRITE,
    summary="Place an organisation in a unit of its parent",
    body=json_body(PlaceRequest),
    answers={200: TenantJson},
    errors=(403, 409, 422),
)
def place_tenant(request: Request, tenant_id: str, body: PlaceRequest) -> Answer:
    return _shown(moving.place(request.ports, request.caller, tenant_id, body.unit_id or ""))


@tenants.api(
    "GET",
    f"{TENANT}/units",
    permission=Permission.UNITS_READ,
    summary="See all divisions, groups and teams",
    answers={200: UnitListJson},
)
def list_units(request: Request, tenant_id: str) -> Answer:
    units = structuring.get_units(request.ports, request.caller, tenant_id)
    return json_answer({"items": [unit_json(each, units) for each in units.units.values()]})


@tenants.api(
    "POST",
    f"{TENANT}/units",
    permission=Permission.UNITS_WRITE,
    summary="Make a division, group or team",
    details="A group belongs to a division and a team to a group; at most 100 of each.",
    body=json_body(UnitRequest, example={"level": "division", "name": "Europe"}),
    answers={201: UnitJson},
    errors=(403, 404, 409, 422),
    headers={"Location": "Address of the unit."},
)
def create_unit(request: Request, tenant_id: str, body: UnitRequest) -> Answer:
    made = structuring.create(
        request.ports,
        request.caller,
        tenant_id,
        level=Level(body.level),
        name=body.name,
        parent_id=body.parent_id or "",
        unit_id=request.new_id(),
    )
    answer = get_unit(request, tenant_id, made.unit_id)
    answer.status = 201
    answer.headers["Location"] = f"{request.base}/api/tenants/{tenant_id}/units/{made.unit_id}"
    return answer


@tenants.api("GET", UNIT, permission=Permission.UNITS_READ, summary="See a unit", answers={200: UnitJson})
def get_unit(request: Request, tenant_id: str, unit_id: str) -> Answer:
    units = structuring.get_units(request.ports, request.caller, tenant_id)
    return json_answer(unit_json(units.find(unit_id), units))


@tenants.api(
    "PATCH",
    UNIT,
    permission=Permission.UNITS_WRITE,
    summary="Rename or move a unit",
    details="A new `name`, or another `parent_id` of the right level.",
    body=json_body(UnitEdit, example={"name": "North"}),
    answers={200: UnitJson},
    errors=(403, 409, 422),
)
def edit_unit(request: Request, tenant_id: str, unit_id: str, body: UnitEdit) -> Answer:
    structuring.update(request.ports, request.caller, tenant_id, unit_id, name=body.name, parent_id=body.parent_id)
    return get_unit(request, tenant_id, unit_id)


@tenants.api(
    "DELETE",
    UNIT,
    permission=Permission.UNITS_WRITE,
    summary="Delete a unit",
    details="An empty one; with `cascade=true` and `confirm=<its name>` also one with others inside. Organisations "
    "that were placed there are placed nowhere then.",
    query=UnitDeletionQuery,
    answers={204: None},
    errors=(403, 409, 422),
)
def delete_unit(request: Request, tenant_id: str, unit_id: str, query: UnitDeletionQuery) -> Answer:
    structuring.delete(request.ports, request.caller, tenant_id, unit_id, cascade=query.cascade, confirm=query.confirm)
    return no_content()


def _shown(tenant: Tenant) -> Answer:
    return json_answer(tenant_json(tenant))
