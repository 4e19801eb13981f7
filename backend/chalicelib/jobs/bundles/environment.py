"""The environment of an order's commands: env_vars < SSM parameters < Secrets Manager values < what the engine sets."""

import re

import orjson

from chalicelib.errors import Invalid
from chalicelib.jobs.artifacts import engine_values
from chalicelib.jobs.model import Job, Order
from chalicelib.wiring import Ports

_ODD = re.compile(r"[^A-Za-z0-9_]")
_PREFIXES = ("aws:::", "arn:aws:::")
"""Locations are also written as `aws:::ssm:/path` and `aws:::secretsmanager:name`."""


def secret_values(ports: Ports, order: Order) -> dict[str, str]:
    """Those that no log may show, fetched now: sealed ones of the submission, parameters, secrets."""
    values = {name: ports.vault.open(sealed) for name, sealed in order.spec.secret_env.items()}
    for path in _named(order, "ssm_paths"):
        for name, value in ports.sources.parameters(path).items():
            values[variable(name)] = value
    for name in _named(order, "secret_manager_paths"):
        values |= _of_secret(name, ports.sources.secret(name))
    return values


def of_engine(job: Job, order: Order, *, callback: str) -> dict[str, str]:
    """What goes over all else. `callback` is the link that the result goes to."""
    commands = orjson.dumps(list(order.spec.commands)).decode()
    return {**engine_values(job, order), "CMDS": commands, "CALLBACK_URL": callback}


def variable(path: str) -> str:
    """The variable's name that the last part of a path makes: `/app/prod/DB-URL` is DB_URL."""
    name = _ODD.sub("_", path.rstrip("/").rsplit("/", 1)[-1])
    return f"_{name}" if name[:1].isdigit() else name


def read_location(ports: Ports, location: str) -> str:
    """A single secret text, of Parameter Store (`/path`, `ssm:`) or Secrets Manager (`secretsmanager:`, any other)."""
    place = location
    for prefix in _PREFIXES:
        place = place.removeprefix(prefix)
    store, _, rest = place.partition(":")
    if store == "ssm" or place.startswith("/"):
        path = rest if store == "ssm" else place
        found = ports.sources.parameters(path)
        if list(found) != [path]:
            raise Invalid(f"{location} must name one parameter.")
        return found[path].strip()
    named = rest if store in ("secretsmanager", "secrets_manager", "sm") else place
    return ports.sources.secret(named).strip()


def _of_secret(name: str, text: str) -> dict[str, str]:
    """A JSON object is many values, anything else one under the secret's own name."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        return {variable(name): text}
    return {variable(each): _text(value) for each, value in found.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _named(order: Order, setting: str) -> list[str]:
    found = order.spec.settings.get(setting)
    return [str(each) for each in found] if isinstance(found, list | tuple) else []
