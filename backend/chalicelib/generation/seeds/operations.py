"""What a caller can do with seed data. That of another tenant is NotFound."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO

import orjson

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.documents import Absent, ConditionFailed, Delete, VersionIs, Write
from chalicelib.errors import Conflict, Fault, Invalid, NotFound
from chalicelib.generation.seeds import inventing, parsing, store
from chalicelib.generation.seeds.checking import CHECK, KIND, ended, keep_within, read
from chalicelib.generation.seeds.model import LARGEST, Record, SeedData, SeedFormat, SeedPage, SeedStatus, Upload
from chalicelib.generation.seeds.records import Records, records_prefix
from chalicelib.generation.templates import operations as templates
from chalicelib.generation.templates.model import Variables
from chalicelib.jobs import builtin
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.model import OrderSpec
from chalicelib.jobs.wakeups import wake
from chalicelib.limits import storage
from chalicelib.wiring import Ports

LINK_LASTS = timedelta(hours=1)
LONGEST_NAME = 200
MOST_GENERATED = 100_000
LOOKED_AT = 1000
AT_ONCE = 6_000_000
"""Bytes that are surely read within a request; API Gateway waits 29 s for its answer."""
CHECK_SECONDS = 3600
_PIECE = 1 << 20


def upload(
    ports: Ports,
    caller: Caller,
    content: bytes | BinaryIO,
    *,
    name: str,
    format: SeedFormat | None = None,
    seed_data_id: str | None = None,
) -> SeedData:
    """Read, check and keep a file that came whole. The format is found by looking when none is given.

    Raises Invalid with the first faults, or StorageFull; nothing is kept then.
    """
    require(caller, Permission.SEEDS_WRITE)
    pieces = _pieces(content)
    start = next(pieces, b"")
    begun = _begun(ports, caller, name, format or parsing.sniff(start), seed_data_id)
    if found := store.get_seeds(ports.documents, caller.tenant_id, begun.seed_data_id):
        # The same request once more, with the id that its Idempotency-Key claimed.
        return found
    outcome = keep_within(ports, begun, _joined(start, pieces))
    if outcome.faults:
        raise Invalid("The file has faults.", outcome.faults)
    return _save(ports, caller, ended(begun, outcome), "seeds.upload", Absent())


def begin_upload(
    ports: Ports,
    caller: Caller,
    *,
    name: str,
    format: SeedFormat,
    size: int | None = None,
    seed_data_id: str | None = None,
) -> Upload:
    """For files too large for a request: PUT the bytes, `size` at most, to the link, then `complete`.

    Raises StorageFull.
    """
    require(caller, Permission.SEEDS_WRITE)
    if size is not None and not 1 <= size <= LARGEST:
        raise Invalid("The request has faults.", [Fault("size", f"must be 1 to {LARGEST:,} bytes")])
    storage.check_for(ports, caller, size or 1)
    begun = _begun(ports, caller, name, format, seed_data_id)
    if found := store.get_seeds(ports.documents, caller.tenant_id, begun.seed_data_id):
        begun = found
    else:
        begun = _save(ports, caller, begun, "seeds.begin", Absent())
    key = store.upload_object(caller.tenant_id, begun.seed_data_id)
    return Upload(begun, ports.objects.put_link(key, lasts=LINK_LASTS, most=size or LARGEST))


def complete(ports: Ports, caller: Caller, seed_data_id: str) -> SeedData:
    """Read and check the file that was put to the link; its status is then READY or FAULTY.

    A job does that with more than AT_ONCE bytes, until whose end the status is CHECKING.
    """
    require(caller, Permission.SEEDS_WRITE)
    found = get_seed_data(ports, caller, seed_data_id)
    if found.status.ended:
        return found
    raw = store.upload_object(caller.tenant_id, seed_data_id)
    checking = replace(found, status=SeedStatus.CHECKING, size=_size(ports, raw))
    if AT_ONCE < checking.size <= LARGEST:
        return found if _is_checked(ports, caller, found) else _check_later(ports, caller, checking)
    checking = _store(ports, checking, VersionIs(found.revision))
    outcome = read(ports, checking, ports.objects.read(raw))
    stored = _save(ports, caller, ended(checking, outcome), "seeds.complete", VersionIs(checking.revision))
    ports.objects.delete(raw)
    return stored


def _is_checked(ports: Ports, caller: Caller, seed_data: SeedData) -> bool:
    """Whether a job is about it."""
    if not seed_data.job_id:
        return False
    try:
        return not jobs.get_job(ports, caller, seed_data.job_id).status.ended
    except NotFound:
        return False


def _check_later(ports: Ports, caller: Caller, checking: SeedData) -> SeedData:
    job_id = ports.clock.new_id()
    settings = {"seed_data_id": checking.seed_data_id}
    order = OrderSpec(name="check", commands=(), timeout=CHECK_SECONDS, action=CHECK, settings=settings)
    creation = builtin.creation(
        ports.clock,
        [order],
        job_id=job_id,
        tenant_id=caller.tenant_id,
        username=caller.email,
        kind=KIND,
        name=f"Check {checking.name}"[:200],
    )
    after = replace(checking, job_id=job_id, read=0)
    stored = _save(ports, caller, after, "seeds.complete", VersionIs(checking.revision), *creation)
    wake(ports, job_id, tenant_id=caller.tenant_id)
    return stored


def generate(
    ports: Ports,
    caller: Caller,
    template_id: str,
    *,
    count: int,
    name: str = "",
    version: int | None = None,
    seed: int = 0,
    seed_data_id: str | None = None,
) -> SeedData:
    """Made-up records that have all variables of a template."""
    require(caller, Permission.SEEDS_WRITE)
    if not 1 <= count <= MOST_GENERATED:
        raise Invalid("The request has faults.", [Fault("count", f"must be 1 to {MOST_GENERATED:,}")])
    found = templates.get_version(ports, caller, template_id, version)
    names = sorted({*found.variables.required, *found.variables.optional})
    if not names:
        raise Conflict("The template reads no variables, so that one record of any kind will do.")
    begun = _begun(ports, caller, name or f"Made up for {found.name}"[:LONGEST_NAME], SeedFormat.JSONL, seed_data_id)
    lines = (orjson.dumps(record) + b"\n" for record in inventing.records(names, count, seed))
    outcome = keep_within(ports, begun, lines)
    return _save(ports, caller, ended(begun, outcome), "seeds.generate", Absent())


def get_seed_data(ports: Ports, caller: Caller, seed_data_id: str) -> SeedData:
    require(caller, Permission.SEEDS_READ)
    found = store.get_seeds(ports.documents, caller.tenant_id, seed_data_id)
    if found is None:
        raise NotFound(f"There is no seed data {seed_data_id[:100]}.")
    return found


def list_seed_data(
    ports: Ports, caller: Caller, *, text: str = "", limit: int = 50, cursor: str | None = None
) -> SeedPage:
    """The newest first."""
    require(caller, Permission.SEEDS_READ)
    found: list[SeedData] = []
    looked_at = 0
    partition = store.partition(caller.tenant_id)
    while True:
        page = ports.documents.query(partition, limit=limit - len(found), cursor=cursor, descending=True)
        items = map(store.to_seeds, page.items)
        found += [each for each in items if text.casefold() in f"{each.name}\n{each.seed_data_id}".casefold()]
        cursor = page.cursor
        looked_at += len(page.items)
        if cursor is None or len(found) == limit or looked_at >= LOOKED_AT:
            return SeedPage(found, cursor)


def first_records(ports: Ports, caller: Caller, seed_data_id: str, *, count: int = 20, skip: int = 0) -> list[Record]:
    found = ready(get_seed_data(ports, caller, seed_data_id))
    return list(Records(ports.objects, found.tenant_id, seed_data_id, found.record_count).read(skip, count))


def ready(seed_data: SeedData) -> SeedData:
    """The same, if it can be used. Raises Conflict."""
    if seed_data.status is not SeedStatus.READY:
        raise Conflict(f"The seed data {seed_data.name} is {seed_data.status} and cannot be used.")
    return seed_data


def missing(variables: Variables, seed_data: SeedData) -> list[str]:
    """Required variables that no field of the seed data gives; a field `author` gives all `author.*`."""
    return [each for each in variables.required if not _given(each, seed_data.fields)]


def _given(variable: str, fields: Sequence[str]) -> bool:
    parts = variable.split(".")
    heads = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return any(name in heads or name.startswith(f"{variable}.") for name in fields)


def delete(ports: Ports, caller: Caller, seed_data_id: str) -> None:
    """With its records. Jobs that still need them fail."""
    require(caller, Permission.SEEDS_WRITE)
    found = get_seed_data(ports, caller, seed_data_id)
    key = store.seeds_key(caller.tenant_id, seed_data_id)
    told = entry(ports.clock, caller, "seeds.delete", f"seed-data/{seed_data_id}", before={"name": found.name})
    try:
        ports.documents.transact([Delete(key, [VersionIs(found.revision)]), told])
    except ConditionFailed:
        raise Conflict("It changed at this moment; try again.") from None
    ports.objects.delete(store.upload_object(caller.tenant_id, seed_data_id))
    octets = storage.size_of(ports, [_prefix(found)])
    ports.objects.delete_prefix(_prefix(found))
    storage.add(ports, caller.tenant_id, -octets)


def _begun(ports: Ports, caller: Caller, name: str, format: SeedFormat, seed_data_id: str | None) -> SeedData:
    name = name.strip()
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise Invalid("The request has faults.", [Fault("name", f"must have 1 to {LONGEST_NAME} characters")])
    return SeedData(
        seed_data_id=seed_data_id or ports.clock.new_id(),
        tenant_id=caller.tenant_id,
        name=name,
        format=format,
        status=SeedStatus.UPLOADING,
        size=0,
        record_count=0,
        fields=(),
        faults=(),
        created_at=ports.clock.now(),
        created_by=caller.email,
    )


def _save(
    ports: Ports, caller: Caller, seed_data: SeedData, action: str, condition: Absent | VersionIs, *more: Write
) -> SeedData:
    after = {"name": seed_data.name, "status": seed_data.status, "records": seed_data.record_count}
    told = entry(ports.clock, caller, action, f"seed-data/{seed_data.seed_data_id}", after=after)
    return _store(ports, seed_data, condition, told, *more)


def _store(ports: Ports, seed_data: SeedData, condition: Absent | VersionIs, *told: Write) -> SeedData:
    try:
        ports.documents.transact([store.put_seeds(seed_data, condition), *told])
    except ConditionFailed:
        raise Conflict("It is being worked on already.") from None
    return replace(seed_data, revision=seed_data.revision + 1)


def _size(ports: Ports, raw: str) -> int:
    try:
        return ports.objects.info(raw).size
    except NotFound:
        raise Conflict("The file has not been put to its link yet.") from None


def _prefix(seed_data: SeedData) -> str:
    return records_prefix(seed_data.tenant_id, seed_data.seed_data_id)


def _pieces(content: bytes | BinaryIO) -> Iterator[bytes]:
    return iter([content]) if isinstance(content, bytes) else iter(lambda: content.read(_PIECE), b"")


def _joined(start: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield start
    yield from rest
