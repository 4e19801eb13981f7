"""The home's server: processes that answer HTTP, and workers beside them.

The first process only watches over the others. It imports nothing of the application, so that it stays small.
"""

import errno
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from chalicelib import journal, lifeline
from chalicelib.settings import Home, Settings
from chalicelib.shells.isolation import choose_isolation
from chalicelib.supervisor import Supervisor
from chalicelib.tuning import tune

THREADS = 20
"""Per process. Writers wait for the disk together, so more of them at once cost less each; and a slow client holds one
for as long as it sends or takes its bytes."""
WAITING_REQUESTS = 64
"""Per process, in hand or waiting for a thread; further ones wait in the socket."""
WEB_GRACE = 5
"""Seconds that a web process has to answer what it has begun."""
CRASH_PAUSE = 1.0


def serve(settings: Settings) -> None:
    """Run until SIGTERM or Ctrl-C. Exits with a message when it cannot start."""
    journal.start()
    settings = replace(settings, port=_free_port(settings))
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    supervisor = Supervisor(settings.workers)
    threading.Thread(target=_announce, args=(settings,), daemon=True).start()
    supervisor.start()
    try:
        while not _serve_web(settings):
            # Web processes died twice in a row; whatever kills them may be over in a moment.
            time.sleep(CRASH_PAUSE)
    finally:
        supervisor.stop()


def _serve_web(settings: Settings) -> bool:
    """True when it was asked to stop, False when its processes died."""
    from granian import Granian  # noqa: PLC0415 - the command line imports this module for its other commands too
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    server = Granian(
        "millrace",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=max(1, settings.web_processes),
        blocking_threads=THREADS,
        runtime_blocking_threads=4,
        backpressure=WAITING_REQUESTS,
        workers_kill_timeout=WEB_GRACE,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
    )
    server.respawned_wrks = _NoDeaths()
    load: Callable[..., Any] = partial(load_gateway, settings, os.getpid())
    with suppress(SystemExit):
        server.serve(target_loader=load, wrap_loader=False)
    return bool(server.interrupt_signal)


def load_gateway(settings: Settings, parent: int) -> Callable[..., Any]:
    """In a web process: the WSGI application."""
    lifeline.follow(parent, signal.SIGKILL)
    # Ctrl-C in the terminal is for the first process, which then stops this one in good order.
    os.setpgid(0, 0)
    # Inherited is the first process' handler, which would do nothing here until granian sets its own.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    journal.start()
    try:
        from chalicelib.gateway import connected_gateway  # noqa: PLC0415 - the first process stays without it

        gateway = connected_gateway(settings)
    except Exception:
        # It is started again at once; whatever hinders it needs a moment to go away.
        time.sleep(CRASH_PAUSE)
        raise
    tune()
    return gateway


class _NoDeaths(dict[int, float]):
    """When which web process died, as granian asks for it to give up when one dies twice in a few seconds.

    It would then stop the others too, and nobody would answer at all.
    """

    def get(self, *_: Any) -> float:
        return -math.inf


def _free_port(settings: Settings) -> int:
    """The port to listen on. Asked for before anything starts, since web processes share it with SO_REUSEPORT."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((settings.host, settings.port))
        except OSError as error:
            raise SystemExit(_refusal(settings, error)) from None
        return int(door.getsockname()[1])


def _refusal(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.port} of {settings.host} is taken. Stop what uses it, or choose another one: "
            f"MILLRACE_PORT={settings.port + 1} (0 takes any that is free)."
        )
    return f"Cannot listen on {settings.host}:{settings.port} (MILLRACE_HOST, MILLRACE_PORT): {error.strerror}."


def _announce(settings: Settings) -> None:
    """Say where it runs once it answers."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    while not _answers(settings):
        time.sleep(0.02)
    sys.stdout.write(
        f"Millrace is running at http://{host}:{settings.port}  ({_place_of_data(settings)}, "
        f"isolation: {choose_isolation()}, workers: {settings.workers} x {settings.slots})\n"
    )
    sys.stdout.flush()


def _place_of_data(settings: Settings) -> str:
    if settings.home is Home.AWS:
        return f"table: {settings.table}, bucket: {settings.bucket}"
    return f"data: {settings.data}"


def _answers(settings: Settings) -> bool:
    """Web processes listen when they have loaded the application, not earlier."""
    wildcard = settings.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    try:
        socket.create_connection(("localhost" if wildcard else settings.host, settings.port), timeout=1).close()
    except OSError:
        return False
    return True
