"""The command line."""
# ruff: noqa: PLC0415 - each command imports what it needs: a server runs for months without the client's libraries
# ruff: noqa: FBT001 - click hands flags over as they are

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from chalicelib.clock import SystemClock
from chalicelib.errors import MillraceError
from chalicelib.settings import BadSettings, read_client_settings, read_settings

if TYPE_CHECKING:
    from chalicelib.client import Client

FAILED, WARNED, REFUSED, USAGE, INTERRUPTED = 1, 2, 3, 64, 130
EXIT_CODES = """\b
Exit codes:
  0    done; a watched job succeeded
  1    a watched job failed, timed out or was cancelled; doctor found something to mend
  2    a watched job succeeded with warnings
  3    refused, not signed in, or the server does not answer
  64   the command was not understood
  130  interrupted (a watched job goes on)
"""


class Failed(click.ClickException):
    """Shown to the user as one line, with the places of faults below it."""

    exit_code = REFUSED

    def __init__(self, message: str, places: list[tuple[str, str]] | None = None) -> None:
        super().__init__("\n".join([message, *(f"  {place or 'the job'}: {text}" for place, text in places or [])]))


def main() -> NoReturn:
    try:
        sys.exit(cli(standalone_mode=False))
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE)
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough; keep the interpreter from writing there again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="millrace")
def cli() -> None:
    """Millrace: submit jobs, watch them, run the service."""


def _at_server(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--url", metavar="URL", help="The server; MILLRACE_URL, or http://127.0.0.1:8000.")(command)


@contextmanager
def _server(url: str | None, **options: Any) -> "Iterator[Client]":
    from chalicelib.client import Client, NotLoggedIn, Refused, Unreachable

    settings = read_client_settings()
    try:
        yield Client(replace(settings, url=url.rstrip("/")) if url else settings, **options)
    except Refused as refusal:
        raise Failed(str(refusal), refusal.places) from None
    except (NotLoggedIn, Unreachable) as error:
        raise Failed(str(error)) from None


# The service


@cli.command()
def serve() -> None:
    """Run the server with its workers, until Ctrl-C. Settings come from MILLRACE_* variables."""
    from chalicelib.server import serve as run

    run(_settings())


@cli.command()
def worker() -> None:
    """Run one more worker on the data of a server."""
    _settings()
    os.execv(sys.executable, [sys.executable, "-m", "chalicelib.worker"])  # noqa: S606 - no shell is wanted


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy all data into FILE, also while the server runs."""
    from chalicelib.backup import backup as run

    settings = _settings_at_home("Enable point-in-time recovery of the table, and versions of the bucket")
    try:
        run(settings, file)
    except (MillraceError, OSError) as error:
        raise Failed(f"No backup was made: {error}") from None
    click.echo(f"Backed up to {file} ({file.stat().st_size:,} bytes).")


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Bring back the data of a backup.

    The data folder must be empty, and the server must not be running.
    """
    from chalicelib.backup import restore as run

    settings = _settings_at_home(
        "Restore the table to a point in time under a new name, then name that in MILLRACE_TABLE"
    )
    try:
        run(settings, file)
    except (MillraceError, OSError) as error:
        raise Failed(f"Nothing was restored: {error}") from None
    click.echo(f"Restored into {settings.data}.")


@cli.command()
def doctor() -> None:
    """Check the set-up and say what to do about what is wrong."""
    from chalicelib.doctor import examine
    from chalicelib.findings import Verdict

    worst = 0
    for finding in examine(SystemClock()):
        mark, colour = finding.verdict.value
        click.echo(f"{click.style(f'{mark:<5}', fg=colour)} {finding.what}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
        worst |= finding.verdict is Verdict.MEND
    sys.exit(FAILED if worst else 0)


@cli.group()
def keys() -> None:
    """The keys that sign access tokens."""


@keys.command()
def rotate() -> None:
    """Sign with a new key from now on.

    A running server takes it up by itself. Tokens signed by the two keys before it go on to work; by older ones,
    people have to refresh.
    """
    from chalicelib.wiring import rotate_signing_key

    click.echo(f"Tokens are signed with key {rotate_signing_key(_settings())} now.")


@cli.group()
def admins() -> None:
    """Who runs the platform: sees and manages every organisation."""


@admins.command(name="add")
@click.argument("email")
def add_admin(email: str) -> None:
    """Make the user with this address a platform admin."""
    from chalicelib.accounts.tasks import grant_platform

    _changed(grant_platform, email)
    click.echo(f"{email} is a platform admin now.")


@admins.command(name="remove")
@click.argument("email")
def remove_admin(email: str) -> None:
    """Make them an ordinary user again."""
    from chalicelib.accounts.tasks import withdraw_platform

    _changed(withdraw_platform, email)
    click.echo(f"{email} is no platform admin any more.")


def _changed(act: Callable[[Any, str], None], email: str) -> None:
    try:
        act(_settings(), email)
    except MillraceError as error:
        raise Failed(error.detail) from None


def _settings() -> Any:
    try:
        return read_settings()
    except BadSettings as error:
        raise Failed(str(error)) from None


def _settings_at_home(instead: str) -> Any:
    """Of a home whose data is a folder; elsewhere it is told what to do `instead`."""
    from chalicelib.settings import Home

    settings = _settings()
    if settings.home is Home.AWS:
        raise Failed(
            f"The data is in AWS, which keeps its own backups. {instead} ({settings.table}, {settings.bucket})."
        )
    return settings


# Jobs


@cli.command()
@_at_server
@click.option("--email", prompt="E-mail")
@click.option("--password", prompt=True, hide_input=True, help="Asked for when left out.")
def login(url: str | None, email: str, password: str) -> None:
    """Sign in. The tokens are kept in your configuration folder, readable by you alone."""
    with _server(url) as client:
        client.login(email, password)
    click.echo(f"Signed in as {email}.")


@cli.command()
@_at_server
@click.option("--email", prompt="E-mail")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@click.option("--organisation", prompt=True)
def signup(url: str | None, email: str, password: str, organisation: str) -> None:
    """Make an account and its organisation, and sign in."""
    with _server(url) as client:
        client.signup(email, password, organisation)
    click.echo(f"Signed up and in as {email}.")


@cli.command()
@_at_server
def logout(url: str | None) -> None:
    """Sign out, and forget the tokens."""
    with _server(url) as client:
        client.logout()
    click.echo("Signed out.")


@cli.command()
@_at_server
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--watch", "then_watch", is_flag=True, help="Follow it to its end; the exit code tells how it ended.")
def submit(url: str | None, file: Any, then_watch: bool) -> None:
    """Submit the job in FILE (YAML or JSON).

    - reads standard input. Prints the id of the job, and its link on standard error.
    """
    with _server(url) as client:
        job_id = client.submit(file.read())["job_id"]
        click.echo(job_id)
        click.echo(client.link(job_id), err=True)
    if then_watch:
        sys.exit(_watch(url, job_id))


@cli.command()
@_at_server
@click.argument("job")
def watch(url: str | None, job: str) -> None:
    """Follow JOB to its end; the exit code tells how it ended."""
    sys.exit(_watch(url, job))


def _watch(url: str | None, job_id: str) -> int:
    from rich.console import Console

    from chalicelib.watching import PATIENCE, Waiting, exit_code, follow, summary, watch_lines, watch_live

    waiting = Waiting()
    console = Console()
    with _server(url, patience=PATIENCE, on_wait=waiting.because) as client:
        jobs = follow(partial(client.job, job_id))
        live = partial(watch_live, jobs, console, SystemClock(), waiting)
        job = live() if console.is_terminal else watch_lines(jobs, click.echo)
    click.echo(summary(job))
    return exit_code(job)


def _aware(_: click.Context, __: click.Parameter, given: datetime | None) -> str | None:
    return given.astimezone().isoformat() if given else None


@cli.command(name="list")
@_at_server
@click.option("--status", help="queued, running, succeeded, failed, timed_out, cancelled or budget_exceeded.")
@click.option("--kind", help="Only jobs of this kind.")
@click.option("--text", help="Only jobs whose name holds this.")
@click.option("--since", type=click.DateTime(), callback=_aware, help="Created then or later, in your time zone.")
@click.option("--until", type=click.DateTime(), callback=_aware, help="Created then or earlier.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def list_(url: str | None, limit: int, as_json: bool, **filters: str | None) -> None:
    """List the newest jobs of your organisation."""
    with _server(url) as client:
        jobs = client.jobs({name: value for name, value in filters.items() if value}, limit=limit)
        _show_jobs(jobs, as_json=as_json)


def _show_jobs(jobs: Iterator[Mapping[str, Any]], *, as_json: bool) -> None:
    from chalicelib.watching import job_table

    if as_json:
        for job in jobs:
            click.echo(json.dumps(job))
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(job_table(jobs))
    else:
        for job in jobs:
            click.echo("\t".join(map(str, (job["job_id"], job["status"], job["created_at"], job["name"]))))


@cli.command()
@_at_server
@click.argument("job")
@click.argument("order")
@click.option("--follow", is_flag=True, help="Go on until the order has ended.")
@click.option("--attempt", type=click.IntRange(1), help="An earlier attempt; the latest when left out.")
def log(url: str | None, job: str, order: str, follow: bool, attempt: int | None) -> None:
    """Print the log of ORDER (its number or name) of JOB."""
    from chalicelib.watching import read_log

    with _server(url) as client:
        part_from = partial(client.log, job, _number(client, job, order), attempt)
        for piece in read_log(part_from, until_complete=follow):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


@cli.command()
@_at_server
@click.argument("job")
def cancel(url: str | None, job: str) -> None:
    """Stop JOB: nothing more is started, and what runs is killed."""
    with _server(url) as client:
        click.echo(f"{job}: {_state(client.cancel(job))}")


@cli.command()
@_at_server
@click.argument("job")
@click.option("--from", "from_order", metavar="ORDER", help="Run this order and all that depend on it again.")
@click.option("--preview", is_flag=True, help="Only say what would be kept and what would run again.")
def retry(url: str | None, job: str, from_order: str | None, preview: bool) -> None:
    """Run again what did not succeed in JOB.

    With --from, that order and everything that depends on it.
    """
    with _server(url) as client:
        number = _number(client, job, from_order) if from_order else None
        if preview:
            plan = client.retry_plan(job, from_order=number)
            click.echo(
                f"keeps: {' '.join(map(str, plan['keeps'])) or '-'}\nreruns: {' '.join(map(str, plan['reruns']))}"
            )
        else:
            click.echo(f"{job}: {_state(client.retry(job, from_order=number))}")


def _number(client: "Client", job_id: str, order: str) -> int:
    with suppress(ValueError):
        return int(order)
    for each in client.job(job_id)["orders"]:
        if each["order_name"] == order:
            return int(each["order_num"])
    raise Failed(f"Job {job_id} has no order `{order}`.")


def _state(job: Mapping[str, Any]) -> str:
    return str(job["status"]).replace("_", " ")
