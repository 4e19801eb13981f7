"""The token with which a job comments: at the place it names, or the one its organisation keeps here."""

import re
from collections.abc import Mapping

from chalicelib.errors import Invalid
from chalicelib.jobs.bundles.environment import read_location
from chalicelib.webhook import store
from chalicelib.wiring import Ports

TOKEN = re.compile(r"[\x21-\x7e]{1,500}")


def token_of(ports: Ports, tenant_id: str, settings: Mapping[str, object]) -> str:
    """Raises Invalid, with nothing of the token in its words, where there is none."""
    location = str(settings.get("git_token_location", ""))
    token = read_location(ports, location) if location else _kept(ports, tenant_id)
    if not TOKEN.fullmatch(token):
        raise Invalid(f"What is at {location} is no token.")
    return token


def _kept(ports: Ports, tenant_id: str) -> str:
    sealed = store.get_hook(ports.documents, tenant_id).token
    if not sealed:
        raise Invalid("There is no token to comment with: name its place in git_token_location, or keep one here.")
    return ports.vault.open(sealed)
