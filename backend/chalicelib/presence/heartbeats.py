"""Workers of many machines: each has a document that says when it was last heard of.

Those of this machine are known by their locks as well, so that a death among them is noticed at once.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from chalicelib.clock import Clock, from_text, to_text
from chalicelib.documents import (
    ConditionFailed,
    Delete,
    Document,
    Documents,
    Exists,
    FieldIs,
    Key,
    Put,
    Update,
)
from chalicelib.errors import Unavailable
from chalicelib.presence import HELD
from chalicelib.presence.locks import LockedPlace, LockPresence

log = logging.getLogger(__name__)

ENDS_ITSELF = timedelta(seconds=HELD - 10)
"""A worker that was not heard of for so long ends what it runs, before others start it again."""
_WORKERS = "workers"
_LIVES = FieldIs("gone", value=False)


class HeartbeatPresence:
    def __init__(self, documents: Documents, clock: Clock, machine: LockPresence) -> None:
        self._documents = documents
        self._clock = clock
        self._machine = machine

    def enter(self, worker: str) -> "BeatingPlace":
        place = self._machine.enter(worker)
        now = self._clock.now()
        self._documents.transact([Put(_key(worker), {"heard_at": to_text(now), "gone": False})])
        return BeatingPlace(self._documents, self._clock, worker, place, now)

    def is_present(self, worker: str) -> bool:
        found = self._documents.get(_key(worker)) if worker else None
        return found is not None and self._lives(found)

    def present(self) -> list[str]:
        return [each.key.sort for each in self._known() if self._lives(each)]

    def departed(self) -> list[str]:
        self._bury()
        return [each.key.sort for each in self._known() if not self._lives(each)]

    def forget(self, worker: str) -> None:
        self._documents.transact([Delete(_key(worker))])

    def _bury(self) -> None:
        """Tell everybody who died on this machine."""
        for worker in self._machine.departed():
            _mark_gone(self._documents, worker)
            self._machine.forget(worker)

    def _lives(self, found: Document) -> bool:
        heard_at = from_text(found.body["heard_at"])
        return not found.body["gone"] and self._clock.now() - heard_at < timedelta(seconds=HELD)

    def _known(self) -> Iterator[Document]:
        cursor = None
        while True:
            page = self._documents.query(_WORKERS, cursor=cursor)
            yield from page.items
            if (cursor := page.cursor) is None:
                return


class BeatingPlace:
    def __init__(
        self, documents: Documents, clock: Clock, worker: str, on_machine: LockedPlace, heard_at: datetime
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._worker = worker
        self._on_machine = on_machine
        self._heard_at = heard_at
        self._is_taken_for_gone = False

    @property
    def files(self) -> Sequence[int]:
        return self._on_machine.files

    def stay(self) -> None:
        now = self._clock.now()
        try:
            self._documents.transact([Update(_key(self._worker), {"heard_at": to_text(now)}, conditions=[_LIVES])])
        except ConditionFailed:
            self._is_taken_for_gone = True
        except Unavailable as error:
            log.warning("worker %s could not say that it lives: %s", self._worker, error.detail)
        else:
            self._heard_at = now

    def is_held(self) -> bool:
        return not self._is_taken_for_gone and self._clock.now() - self._heard_at < ENDS_ITSELF

    def leave(self) -> None:
        try:
            _mark_gone(self._documents, self._worker)
        finally:
            self._on_machine.leave()


def _mark_gone(documents: Documents, worker: str) -> None:
    try:
        documents.transact([Update(_key(worker), {"gone": True}, conditions=[Exists()])])
    except ConditionFailed:
        return


def _key(worker: str) -> Key:
    return Key(_WORKERS, worker)
