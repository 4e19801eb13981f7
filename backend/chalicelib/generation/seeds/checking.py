"""The action `seeds.check`: reads a file that was put to its link and is too large to be read within a request."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from chalicelib.documents import ConditionFailed, FieldIs, Update, VersionIs
from chalicelib.errors import Conflict, Fault
from chalicelib.generation.seeds import store
from chalicelib.generation.seeds.model import LARGEST, SeedData, SeedStatus
from chalicelib.generation.seeds.records import records_prefix
from chalicelib.generation.seeds.storing import Outcome, keep
from chalicelib.jobs.actions import Stopped, Task
from chalicelib.limits import storage
from chalicelib.limits.storage import StorageFull
from chalicelib.wiring import Ports

CHECK = "seeds.check"
KIND = "seeds"
_TELL_SECONDS = 1.0


def check(task: Task) -> None:
    """Raises Stopped, or Conflict when the seed data was deleted meanwhile."""
    ports, tenant_id = task.ports, task.job.tenant_id
    seed_data_id = str(task.order.spec.settings["seed_data_id"])
    raw = store.upload_object(tenant_id, seed_data_id)
    found = _find(ports, tenant_id, seed_data_id)
    if found.status is SeedStatus.CHECKING:
        outcome = read(ports, found, _told(task, found, ports.objects.read(raw)))
        _end(ports, found, outcome)
        task.say(f"{outcome.record_count:,} records, {len(outcome.faults):,} faults.")
    ports.objects.delete(raw)


def read(ports: Ports, seed_data: SeedData, pieces: Iterable[bytes]) -> Outcome:
    """Check the file and keep its records. What is too large for us or for the organisation is faulty."""
    if seed_data.size > LARGEST:
        return Outcome(seed_data.size, faults=[Fault("", f"The file is larger than {LARGEST:,} bytes.")])
    try:
        return keep_within(ports, seed_data, pieces)
    except StorageFull as full:
        return Outcome(seed_data.size, faults=[Fault("", full.detail)])


def keep_within(ports: Ports, seed_data: SeedData, pieces: Iterable[bytes]) -> Outcome:
    """Keep the records of a file, and count them. Raises StorageFull."""
    prefix = records_prefix(seed_data.tenant_id, seed_data.seed_data_id)
    room = storage.room(ports, seed_data.tenant_id)
    outcome = keep(ports.objects, prefix, pieces, seed_data.format, room=room)
    if not outcome.faults:
        storage.add(ports, seed_data.tenant_id, outcome.kept)
    return outcome


def ended(begun: SeedData, outcome: Outcome) -> SeedData:
    return replace(
        begun,
        status=SeedStatus.FAULTY if outcome.faults else SeedStatus.READY,
        size=outcome.size,
        read=outcome.size,
        record_count=outcome.record_count,
        fields=tuple(outcome.fields),
        faults=tuple(outcome.faults),
    )


def _find(ports: Ports, tenant_id: str, seed_data_id: str) -> SeedData:
    found = store.get_seeds(ports.documents, tenant_id, seed_data_id)
    if found is None:
        raise Conflict("The seed data was deleted.")
    return found


def _told(task: Task, seed_data: SeedData, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, with a word now and then of how many bytes there were. Raises Stopped."""
    octets, told_at = 0, time.monotonic()
    for piece in pieces:
        if task.stopped():
            raise Stopped
        octets += len(piece)
        if time.monotonic() - told_at >= _TELL_SECONDS:
            told_at = time.monotonic()
            _tell(task.ports, seed_data, octets)
        yield piece


def _tell(ports: Ports, seed_data: SeedData, octets: int) -> None:
    """Raises Conflict when nobody wants it any more."""
    key = store.seeds_key(seed_data.tenant_id, seed_data.seed_data_id)
    still = FieldIs("status", SeedStatus.CHECKING.value)
    try:
        ports.documents.transact([Update(key, set={"read": octets}, conditions=[still])])
    except ConditionFailed:
        ports.objects.delete_prefix(records_prefix(seed_data.tenant_id, seed_data.seed_data_id))
        raise Conflict("The seed data was deleted.") from None


def _end(ports: Ports, seed_data: SeedData, outcome: Outcome) -> None:
    """Raises Conflict when it was deleted meanwhile; nothing of it stays then."""
    try:
        now = _find(ports, seed_data.tenant_id, seed_data.seed_data_id)
        ports.documents.transact([store.put_seeds(ended(now, outcome), VersionIs(now.revision))])
    except Conflict:
        ports.objects.delete_prefix(records_prefix(seed_data.tenant_id, seed_data.seed_data_id))
        raise
