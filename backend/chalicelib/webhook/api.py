"""The webhook over REST: where jobs are posted, and how an organisation sets it up."""

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import MillraceError
from chalicelib.exchange import JSON, Answer, Request, dump, json_answer, no_content
from chalicelib.problems import problem_headers
from chalicelib.rest import Bearer, Blueprint, Body, json_body
from chalicelib.webhook import hooks, operations
from chalicelib.webhook.operations import Posting
from chalicelib.webhook.parcels import WebhookRequest
from chalicelib.webhook.shapes import (
    HookEdit,
    HookJson,
    ReceivedListJson,
    SecretJson,
    WebhookAnswerJson,
    WebhookErrorJson,
    hook_json,
    received_json,
)

ADDRESS = "/api/webhook"
SETTINGS = "/api/tenants/{tenant_id}/webhook"
EXAMPLE = {"job_parameters_b64": "eyJvcmRlcnMiOiBbeyJjbWRzIjogWyJlY2hvIGhlbGxvIl0sICJ0aW1lb3V0IjogNjB9XX0="}
_REFUSALS = (401, 403, 404, 409, 422, 429)


class Protocol(Bearer):
    """The protocol has errors of its own form."""

    def refuse(self, request: Request, error: MillraceError) -> Answer:  # noqa: ARG002 - the form needs none of it
        headers = {**problem_headers(error), "Content-Type": JSON}
        return Answer(dump(operations.error_answer(error)), error.status, {**headers})


webhook = Blueprint(__name__, group="Webhook")
webhook.door = Protocol()
webhook_settings = Blueprint(f"{__name__}.settings", group="Webhook")

_BODY = Body(WebhookRequest, {JSON: bytes}, examples={"example": EXAMPLE})
"""Read as it is: what is signed is the bytes."""


@webhook.api(
    "POST",
    ADDRESS,
    public=True,
    summary="Post a job",
    details="Needs an API key: `Authorization: Bearer mr_...`. A `run_id`, or an `X-GitHub-Delivery`, that is posted "
    "again with the same body gets the first answer.",
    body=_BODY,
    answers={200: WebhookAnswerJson},
    errors=_REFUSALS,
    failure=WebhookErrorJson,
)
def post_job(request: Request, body: bytes) -> Answer:
    return _post(request, body, "")


@webhook.api(
    "POST",
    f"{ADDRESS}/{{tenant_id}}",
    public=True,
    summary="Post a job to an organisation",
    details="Signed with the secret of its webhook (`X-Hub-Signature-256`), as GitHub signs its deliveries; or with an "
    "API key. Of GitHub's own events `ping` is answered, `repository_dispatch` brings the fields in its "
    "`client_payload`, and `push` and `pull_request` run the job that the webhook's settings hold.",
    body=_BODY,
    answers={200: WebhookAnswerJson},
    errors=_REFUSALS,
    failure=WebhookErrorJson,
)
def post_job_to(request: Request, body: bytes, tenant_id: str) -> Answer:
    return _post(request, body, tenant_id)


def _post(request: Request, body: bytes, tenant_id: str) -> Answer:
    posting = Posting(body=body, headers=request.headers, tenant_id=tenant_id, origin=request.origin)
    return json_answer(operations.post(request.ports, posting))


@webhook_settings.api(
    "GET",
    SETTINGS,
    permission=Permission.WEBHOOK_READ,
    summary="See the webhook of an organisation",
    answers={200: HookJson},
)
def get_webhook(request: Request, tenant_id: str) -> Answer:
    return json_answer(hook_json(hooks.get(request.ports, request.caller, tenant_id), _url(request, tenant_id)))


@webhook_settings.api(
    "PATCH",
    SETTINGS,
    permission=Permission.WEBHOOK_WRITE,
    summary="Change the webhook of an organisation",
    body=json_body(HookEdit, example={"job": "orders: [{cmds: [make test], timeout: 600}]"}),
    answers={200: HookJson},
    errors=(403, 409),
)
def edit_webhook(request: Request, tenant_id: str, body: HookEdit) -> Answer:
    hook = hooks.edit(request.ports, request.caller, tenant_id, job=body.job, token=body.token)
    return json_answer(hook_json(hook, _url(request, tenant_id)))


@webhook_settings.api(
    "POST",
    f"{SETTINGS}/secret",
    permission=Permission.WEBHOOK_WRITE,
    summary="Make a new secret for the webhook",
    details="It is shown this once; the one before does not work any more.",
    answers={201: SecretJson},
    errors=(403, 409),
    secret=True,
)
def rotate_webhook_secret(request: Request, tenant_id: str) -> Answer:
    secret = hooks.rotate(request.ports, request.caller, tenant_id)
    return json_answer({"url": _url(request, tenant_id), "secret": secret}, 201)


@webhook_settings.api(
    "DELETE",
    f"{SETTINGS}/secret",
    permission=Permission.WEBHOOK_WRITE,
    summary="Take no signed deliveries any more",
    answers={204: None},
    errors=(403, 409),
)
def delete_webhook_secret(request: Request, tenant_id: str) -> Answer:
    hooks.close(request.ports, request.caller, tenant_id)
    return no_content()


@webhook_settings.api(
    "GET",
    f"{SETTINGS}/deliveries",
    permission=Permission.WEBHOOK_READ,
    summary="List what was posted to an organisation lately",
    details="The newest twenty of the last 30 days.",
    answers={200: ReceivedListJson},
)
def list_webhook_deliveries(request: Request, tenant_id: str) -> Answer:
    found = hooks.list_received(request.ports, request.caller, tenant_id)
    return json_answer({"items": [received_json(each) for each in found]})


def _url(request: Request, tenant_id: str) -> str:
    return f"{request.ports.settings.address}{ADDRESS}/{tenant_id}"
