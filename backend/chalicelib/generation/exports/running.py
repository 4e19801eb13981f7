"""The action `export`: the records that are there, as files."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.errors import NotFound
from chalicelib.generation import columns, parts, plans, store
from chalicelib.generation.exports.dividing import MOST_FILES, TooManyFiles, all_files, file_of
from chalicelib.generation.exports.model import Wanted
from chalicelib.generation.exports.writers import Writer, open_writer
from chalicelib.generation.jobs.model import Plan
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.actions import Stopped, Task
from chalicelib.jobs.artifacts import artifact_folder
from chalicelib.jobs.model import Artifact
from chalicelib.limits import storage


@dataclass(frozen=True, slots=True)
class _Source:
    """Records of the parts that begin up to `last`; parts that come later are left out."""

    job_id: str
    plan: Plan
    columns: dict[str, str]
    last: int


def export(task: Task) -> list[Artifact]:
    """Raises StorageFull before anything is kept, and TooManyFiles."""
    wanted = Wanted.of(task.order.spec.settings)
    source = _look(task, wanted.job_id or task.job.job_id)
    partition = wanted.partition or (source.plan.partition if not wanted.job_id else None)
    scratch = task.ports.settings.scratch or None
    with tempfile.TemporaryDirectory(prefix="millrace-export-", dir=scratch) as folder:
        files = _Files(Path(folder), wanted, source)
        with files:
            for name in all_files(partition, wanted.format):
                files.get(name)
            count = 0
            for row, at in _rows(task, source):
                files.get(file_of(partition, wanted.format, row, at)).write(row)
                count += 1
        task.say(f"{count:,} records in {len(files.paths)} files.")
        size = sum(path.stat().st_size for path in files.paths.values())
        storage.check(task.ports, task.job.tenant_id, size)
        return [_keep(task, name, path) for name, path in sorted(files.paths.items())]


def _look(task: Task, job_id: str) -> _Source:
    documents, tenant_id = task.ports.documents, task.job.tenant_id
    if not jobs.belongs_to(task.ports, job_id, tenant_id):
        raise NotFound(f"There is no job {job_id}.")
    found: dict[str, str] = {}
    last = -1
    for part in store.parts(documents, job_id):
        last = part.first
        for name, kind in part.columns.items():
            found[name] = columns.join(found.get(name, "none"), kind)
    own = {name: found.pop(name, kind) for name, kind in columns.OWN.items()}
    return _Source(job_id, plans.load(task.ports, tenant_id, job_id), {**found, **own}, last)


def _rows(task: Task, source: _Source) -> Iterator[tuple[dict[str, Any], datetime]]:
    """Records that did not fail. Raises Stopped."""
    for part in store.parts(task.ports.documents, source.job_id, end=source.last + 1):
        if task.stopped():
            raise Stopped
        for row in parts.read_rows(task.ports.objects, part.object):
            if not row["error"]:
                yield row, part.at


def _keep(task: Task, name: str, path: Path) -> Artifact:
    place = artifact_folder(task.job, task.order)
    with path.open("rb") as file:
        size = task.ports.objects.put(f"{place}/{name}", file, replace=True)
    return Artifact(path=name, size=size, object=f"{place}/{name}")


class _Files(ExitStack):
    """Files as they are needed, in a scratch folder."""

    def __init__(self, folder: Path, wanted: Wanted, source: _Source) -> None:
        super().__init__()
        self.paths: dict[str, Path] = {}
        self._folder = folder
        self._wanted = wanted
        self._columns = source.columns
        self._writers: dict[str, Writer] = {}

    def get(self, name: str) -> Writer:
        """Raises TooManyFiles."""
        if name not in self._writers:
            if len(self._writers) == MOST_FILES:
                raise TooManyFiles(f"The records go to more than {MOST_FILES} files; divide them by something else.")
            path = self.paths[name] = self._folder / str(len(self.paths))
            writer = self._writers[name] = open_writer(self._wanted.format, path, self._columns)
            self.callback(writer.close)
        return self._writers[name]
