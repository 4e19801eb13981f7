"""How many requests a tenant may send."""

from chalicelib.accounts.model import Caller
from chalicelib.rates import Rate
from chalicelib.wiring import Ports


def take(ports: Ports, caller: Caller) -> Rate | None:
    """One request more of the caller's tenant; None when it has no limit."""
    limit = caller.request_rate
    return None if limit is None else ports.rates.take(caller.tenant_id, limit)
