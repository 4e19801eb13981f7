"""A home whose orders run far away: an emulated S3 with real links, and providers that tests drive by hand."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chalicelib import handlers
from chalicelib.errors import Invalid
from chalicelib.jobs import logs, operations, places, store
from chalicelib.jobs.executors import ALIVE, DispatchFailed, Life, Parcel
from chalicelib.jobs.model import Job, Order, Target
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.shells import Stop
from chalicelib.wiring import Ports
from chalicelib.work.running import run
from tests import make
from tests.clocks import ManualClock

CONTEXT = SimpleNamespace(aws_request_id="request-1", get_remaining_time_in_millis=lambda: 100_000)


class HandProvider:
    """A provider whose attempts a test runs and ends by hand."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.stopped: list[str] = []
        self.lives: dict[str, Life] = {}
        self.refuses = ""
        self.stops = False

    def start(self, parcel: Parcel) -> str:
        if self.refuses:
            raise DispatchFailed(self.refuses)
        self.parcels.append(parcel)
        return f"handle-{parcel.name}"

    def stop(self, handle: str) -> bool:
        self.stopped.append(handle)
        return self.stops

    def poll(self, handle: str) -> Life:
        return self.lives.get(handle, ALIVE)


class HandWatchdogs:
    def __init__(self) -> None:
        self.watched: dict[str, Mapping[str, object]] = {}
        self.refuses = ""

    def start(self, name: str, watched: Mapping[str, object]) -> None:
        if self.refuses:
            raise DispatchFailed(self.refuses)
        self.watched[name] = watched


class HandSources:
    """Stores of submitters, with what a test puts into them."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.objects: dict[str, list[tuple[str, bytes]]] = {}

    def parameters(self, path: str) -> dict[str, str]:
        return {path: _found(self.values, path)}

    def secret(self, name: str) -> str:
        return _found(self.secrets, name)

    def files(self, location: str) -> Any:
        return iter(_found(self.objects, location))


def _found(store: Mapping[str, Any], name: str) -> Any:
    if name not in store:
        raise Invalid(f"Millrace cannot read {name}.")
    return store[name]


class FarHome:
    def __init__(self, ports: Ports, scratch: Path) -> None:
        self.ports = ports
        self.me = make.caller()
        self.orchestrator = Orchestrator(ports, owner="one")
        self.scratch = scratch
        self._seen: set[str] = set()

    def change(self, **ports: Any) -> None:
        self.ports = replace(self.ports, **ports)
        self.orchestrator = Orchestrator(self.ports, owner="one")

    @property
    def provider(self) -> HandProvider:
        found = self.ports.providers[Target.LAMBDA]
        assert isinstance(found, HandProvider)
        return found

    @property
    def watchdogs(self) -> HandWatchdogs:
        assert isinstance(self.ports.watchdogs, HandWatchdogs)
        return self.ports.watchdogs

    @property
    def sources(self) -> HandSources:
        assert isinstance(self.ports.sources, HandSources)
        return self.ports.sources

    def submit(self, *orders: dict[str, Any], **fields: Any) -> str:
        """A job whose first orders are handed out."""
        job_id = operations.submit(self.ports, self.me, make.request(*orders, **fields)).job_id
        self.orchestrator.look(job_id)
        return job_id

    def work(self, index: int = -1, *, stop: Stop | None = None, **more: Any) -> str:
        """The worker program, with a parcel; the latest unless told."""
        self.scratch.mkdir(exist_ok=True)
        return run(self.provider.parcels[index].link, self.scratch / f"work-{index}", stop or Stop(), **more)

    def leave(self, job_id: str, number: int, content: bytes, *, attempt: int = 1) -> None:
        """A result as any worker might put it."""
        self.ports.objects.put(places.result_key(job_id, number, attempt), content)

    def tell(self) -> None:
        """Events of the objects that came since it was last called."""
        keys = [each.key for each in self.ports.objects.list(places.CALLBACKS)]
        new = [key for key in keys if key not in self._seen]
        self._seen |= set(new)
        for key in new:
            handlers.on_callbacks(self.ports, created(key), CONTEXT)

    def run_all(self, *, most: int = 20) -> None:
        """Work off everything that is handed out."""
        done = 0
        while done < len(self.provider.parcels) and done < most:
            self.work(done)
            self.tell()
            done += 1

    def job(self, job_id: str) -> Job:
        return store.find_job(self.ports.documents, job_id)

    def order(self, job_id: str, number: int = 1) -> Order:
        return store.load_orders(self.ports.documents, self.job(job_id), [number])[number]

    def bundle(self, job_id: str, number: int = 1) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self.ports.objects.get(places.bundle_key(job_id, number))))

    def log(self, job_id: str, number: int = 1, attempt: int = 1) -> str:
        text, _ = logs.read_log(self.ports.objects, self.me.tenant_id, job_id, number, attempt, offset=0, limit=None)
        return text.decode()

    def check(self, job_id: str, number: int = 1, attempt: int = 1) -> dict[str, Any]:
        watched = {"job_id": job_id, "number": number, "attempt": attempt}
        return handlers.watchdog_check(self.ports, watched, CONTEXT)


def created(*keys: str) -> dict[str, Any]:
    """S3's event of EventBridge (one key), or its own."""
    if len(keys) == 1:
        return {"detail-type": "Object Created", "source": "aws.s3", "detail": {"object": {"key": keys[0]}}}
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": each}}} for each in keys]}


def zipped(files: Mapping[str, bytes], *, executable: tuple[str, ...] = ()) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def home_in_memory(scratch: Path, clock: ManualClock | None = None) -> FarHome:
    """Without an emulator: its links lead nowhere, and results are left by hand."""
    ports = replace(
        make.ports(clock),
        providers={Target.LAMBDA: HandProvider()},
        watchdogs=HandWatchdogs(),
        sources=HandSources(),
    )
    return FarHome(ports, scratch)
