"""Keeping the records of a file: read once from its beginning to its end, a part in memory at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chalicelib.errors import Fault
from chalicelib.generation.seeds.model import LARGEST, MOST_FAULTS, MOST_RECORDS, PART, SeedFormat
from chalicelib.generation.seeds.parsing import MOST_FIELDS, Line, Unreadable, parse
from chalicelib.generation.seeds.records import part_key
from chalicelib.limits.storage import StorageFull, check_room
from chalicelib.objects import Objects


@dataclass(slots=True)
class Outcome:
    """With faults, nothing was kept. `size` is the file's, `kept` that of its records as they are stored."""

    size: int = 0
    kept: int = 0
    record_count: int = 0
    fields: dict[str, None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def keep(
    objects: Objects, prefix: str, pieces: Iterable[bytes], format: SeedFormat, *, room: int | None = None
) -> Outcome:
    """Write the records below `prefix`, in `room` bytes at most. Doing it again writes the same. Raises StorageFull."""
    outcome = Outcome()
    part: list[bytes] = []
    try:
        for line in _lines(pieces, format, outcome):
            part.append(line.data)
            if len(part) == PART:
                _write(objects, prefix, outcome, part)
                check_room(room, outcome.kept)
                part = []
        _write(objects, prefix, outcome, part)
        check_room(room, outcome.kept)
        if not (outcome.record_count or outcome.faults):
            outcome.faults.append(Fault("", "The file holds no records."))
    except Unreadable as error:
        outcome.faults.append(error.fault)
    except StorageFull:
        objects.delete_prefix(prefix)
        raise
    if outcome.faults:
        objects.delete_prefix(prefix)
    return outcome


def _lines(pieces: Iterable[bytes], format: SeedFormat, outcome: Outcome) -> Iterator[Line]:
    """Those that are well, until there are too many faults; once there are some, only those are looked for."""
    known: tuple[str, ...] = ()
    for number, found in enumerate(parse(_measured(pieces, outcome), format), 1):
        if isinstance(found, Fault):
            outcome.faults.append(found)
            if len(outcome.faults) == MOST_FAULTS:
                return
            continue
        if number > MOST_RECORDS:
            raise Unreadable(Fault(f"line {found.number}", f"There are more than {MOST_RECORDS:,} records."))
        if found.names != known:
            _add(found, outcome)
            known = found.names
        if not outcome.faults:
            yield found


def _add(line: Line, outcome: Outcome) -> None:
    outcome.fields |= dict.fromkeys(line.names)
    if len(outcome.fields) > MOST_FIELDS:
        raise Unreadable(Fault(f"line {line.number}", f"There are more than {MOST_FIELDS} different fields."))


def _measured(pieces: Iterable[bytes], outcome: Outcome) -> Iterator[bytes]:
    for piece in pieces:
        outcome.size += len(piece)
        if outcome.size > LARGEST:
            raise Unreadable(Fault("", f"The file is larger than {LARGEST:,} bytes."))
        yield piece


def _write(objects: Objects, prefix: str, outcome: Outcome, part: list[bytes]) -> None:
    if part and not outcome.faults:
        key = part_key(prefix, outcome.record_count // PART)
        outcome.kept += objects.put(key, b"\n".join(part) + b"\n", replace=True)
        outcome.record_count += len(part)
