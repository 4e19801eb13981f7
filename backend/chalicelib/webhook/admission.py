"""Who posts: an organisation's hook by its signature, or a user by an API key."""

from collections.abc import Mapping

from chalicelib.accounts import operations as accounts
from chalicelib.accounts.model import Caller, Origin, Role
from chalicelib.accounts.permissions import TenantAsleep
from chalicelib.accounts.tenants.operations import find
from chalicelib.errors import NotSignedIn, TooMany
from chalicelib.limits import rates
from chalicelib.webhook import signature, store
from chalicelib.wiring import Ports

HOOK = "webhook"
"""Who is named as the actor of what a signed delivery does."""


def admit(ports: Ports, tenant_id: str, headers: Mapping[str, str], body: bytes, origin: Origin) -> Caller:
    """`tenant_id` is what the address names, if anything. Raises NotSignedIn, TenantAsleep, TooMany."""
    if signature.HEADER in headers and tenant_id:
        caller = _by_signature(ports, tenant_id, headers[signature.HEADER], body, origin)
    else:
        named = tenant_id or headers.get("x-tenant-id", "").strip()
        caller = _by_key(ports, named, headers.get("authorization", ""), origin)
    _count(ports, caller)
    return caller


def is_hook(caller: Caller) -> bool:
    return caller.user_id == HOOK


def _by_signature(ports: Ports, tenant_id: str, given: str, body: bytes, origin: Origin) -> Caller:
    hook = store.get_hook(ports.documents, tenant_id)
    # Where there is no secret as much is done, so that time does not tell which organisations have one.
    secret = ports.vault.open(hook.secret) if hook.secret else ports.vault.seal(tenant_id)
    if not signature.verify(secret, body, given) or not hook.secret:
        raise NotSignedIn("The signature is not that of this body with the webhook's secret.")
    tenant = find(ports, tenant_id)
    if tenant.status.asleep:
        raise TenantAsleep(f"{tenant.organisation} is {tenant.status}: its webhook takes nothing.")
    return Caller(
        user_id=HOOK,
        email=HOOK,
        tenant_id=tenant_id,
        organisation=tenant.organisation,
        role=Role.OPERATOR,
        origin=origin,
        request_rate=tenant.limits.request_rate,
        storage_limit=tenant.limits.storage,
    )


def _by_key(ports: Ports, tenant_id: str, authorization: str, origin: Origin) -> Caller:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn("Sign the body with the webhook's secret, or send an API key: `Authorization: Bearer ...`.")
    return accounts.authenticate(ports, token.strip(), tenant_id, origin)


def _count(ports: Ports, caller: Caller) -> None:
    rate = rates.take(ports, caller)
    if rate and rate.retry_after:
        raise TooMany("The organisation sends more requests than its limit allows.", rate.retry_after)
