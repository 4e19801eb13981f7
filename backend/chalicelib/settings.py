"""The only reader of the environment, into one frozen object."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

LAST_PORT = 65535


class Home(StrEnum):
    LOCAL = "local"
    AWS = "aws"


class BadSettings(Exception):
    """Start-up is refused; the message names each variable at fault."""


def _setting(name: str, help: str, default: str | None, parse: Any = str, *, secret: bool = False) -> Any:
    return field(metadata={"name": name, "help": help, "default": default, "parse": parse}, repr=not secret)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _some(text: str) -> int:
    if not (number := _count(text)):
        raise ValueError("must be at least 1")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= LAST_PORT:
        raise ValueError(f"must be 0..{LAST_PORT}")
    return number


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _web_address(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return text


def _names(text: str) -> frozenset[str]:
    return frozenset(each.strip().lower() for each in text.split(",") if each.strip())


def _folder(text: str) -> Path:
    return Path(text).absolute()


def _url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return text.rstrip("/")


# ruff: noqa: RUF009 - `_setting` makes dataclass fields, as `field` does


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    home: Home = _setting("MILLRACE_HOME", "local (SQLite, folders) or aws", "local", Home)
    data: Path = _setting("MILLRACE_DATA", "folder of the local home's data", "./data", _folder)
    host: str = _setting("MILLRACE_HOST", "address the server listens on", "127.0.0.1")
    port: int = _setting("MILLRACE_PORT", "port the server listens on; 0 takes a free one", "8000", _port)
    base_url: str = _setting("MILLRACE_BASE_URL", "where people reach it, for links; empty: host and port", "", _url)
    mail_from: str = _setting("MILLRACE_MAIL_FROM", "sender of its mails", "Millrace <millrace@localhost>")
    web_processes: int = _setting("MILLRACE_WEB_PROCESSES", "processes that answer HTTP", "2", _count)
    workers: int = _setting("MILLRACE_WORKERS", "worker processes beside the server", "1", _count)
    slots: int = _setting("MILLRACE_SLOTS", "orders that one worker process runs at a time", "16", _count)
    scratch: str = _setting("MILLRACE_SCRATCH", "folder for the orders' own folders; empty: the system's", "")
    secure_cookies: bool = _setting("MILLRACE_SECURE_COOKIES", "1 behind HTTPS, so that cookies stay on it", "0", _flag)
    log_limit: int = _setting("MILLRACE_LOG_LIMIT", "bytes kept of one attempt's log", "10000000", _count)
    llm_url: str = _setting(
        "MILLRACE_LLM_URL", "base URL of an OpenAI-compatible server, as https://host/v1; empty: none", "", _web_address
    )
    llm_key: str = _setting("MILLRACE_LLM_KEY", "API key of that server", "", secret=True)
    llm_timeout: int = _setting("MILLRACE_LLM_TIMEOUT", "seconds that a model may take to answer", "120", _count)
    model_concurrency: int = _setting(
        "MILLRACE_MODEL_CONCURRENCY", "calls that one running shard of a generation job makes at a time", "8", _some
    )
    model_patience: int = _setting(
        "MILLRACE_MODEL_PATIENCE", "seconds that a record waits for a model that is busy or down", "120", _count
    )
    llm_offline: str = _setting(
        "MILLRACE_LLM_OFFLINE", "how offline models misbehave, as slow=200+fail=50; empty: not at all", ""
    )
    bedrock: bool = _setting("MILLRACE_BEDROCK", "1 to offer the models of Amazon Bedrock", "0", _flag)
    prices: str = _setting("MILLRACE_PRICES", "file of your own price table; empty: the one that ships", "")
    webhook_hosts: frozenset[str] = _setting(
        "MILLRACE_WEBHOOK_HOSTS", "hosts that webhooks may reach though they are private, by commas", "", _names
    )
    github_api: str = _setting(
        "MILLRACE_GITHUB_API", "GitHub's API, whose repositories jobs comment in", "https://api.github.com", _url
    )
    gitlab_api: str = _setting("MILLRACE_GITLAB_API", "the same of GitLab", "https://gitlab.com/api/v4", _url)
    table: str = _setting("MILLRACE_TABLE", "DynamoDB table (aws)", "millrace")
    bucket: str = _setting("MILLRACE_BUCKET", "S3 bucket (aws)", "millrace")
    queue_prefix: str = _setting("MILLRACE_QUEUE_PREFIX", "prefix of the SQS queues' names (aws)", "millrace-")
    keys_path: str = _setting("MILLRACE_KEYS_PATH", "path of the keys in Parameter Store (aws)", "/millrace/keys")
    user_pool: str = _setting("MILLRACE_USER_POOL", "Cognito user pool, as pool-id/client-id; empty: none (aws)", "")
    work_function: str = _setting("MILLRACE_WORK_FUNCTION", "Lambda that runs orders; empty: none (aws)", "")
    build_project: str = _setting("MILLRACE_BUILD_PROJECT", "CodeBuild project that runs orders; empty: none (aws)", "")
    run_document: str = _setting("MILLRACE_RUN_DOCUMENT", "SSM document that runs orders; empty: none (aws)", "")
    task: str = _setting("MILLRACE_TASK", "ECS, as cluster/task-definition/container; empty: none (aws)", "")
    task_network: frozenset[str] = _setting(
        "MILLRACE_TASK_NETWORK", "its subnets and security groups, by commas (aws)", "", _names
    )
    watchdog: str = _setting("MILLRACE_WATCHDOG", "ARN of the watchdog's state machine (aws)", "")
    done_bucket: str = _setting("MILLRACE_DONE_BUCKET", "bucket that learns of finished jobs; empty: its own (aws)", "")
    aws_endpoint: str = _setting("MILLRACE_AWS_ENDPOINT", "URL of an AWS emulator; empty: AWS itself", "")

    @property
    def address(self) -> str:
        """How people reach the service, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url or f"http://{host}:{self.port}"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from MILLRACE_* variables. Raises BadSettings that names all faults, unknown names included."""
    given = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    faults: list[str] = []
    for each in fields(Settings):
        name = each.metadata["name"]
        try:
            values[each.name] = each.metadata["parse"](given.get(name, each.metadata["default"]))
        except ValueError as error:
            faults.append(f"{name}: {error}")
    known = {each.metadata["name"] for each in fields(Settings)} | CLIENT_VARIABLES
    faults += [
        f"{name}: no such setting" for name in sorted(given) if name.startswith("MILLRACE_") and name not in known
    ]
    if faults:
        raise BadSettings("Millrace cannot start with these settings:\n  " + "\n  ".join(faults))
    return Settings(**values)


CLIENT_VARIABLES = frozenset({"MILLRACE_URL", "MILLRACE_TOKEN"})
"""Read by the command line when it talks to a server; a server ignores them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """`logins` is the file that keeps what `millrace login` got; `token` is empty when that file is to be asked."""

    url: str
    token: str
    logins: Path


def read_client_settings(environment: Mapping[str, str] | None = None) -> ClientSettings:
    """What the command line needs to reach a server; without MILLRACE_URL, the one that runs here."""
    given = os.environ if environment is None else environment
    home = given.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return ClientSettings(
        url=given.get("MILLRACE_URL") or f"http://127.0.0.1:{given.get('MILLRACE_PORT') or 8000}",
        token=given.get("MILLRACE_TOKEN", ""),
        logins=Path(home) / "millrace" / "logins.json",
    )
