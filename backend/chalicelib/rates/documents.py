"""Buckets that machines share: a document each, of which a token is taken by one conditional write.

Adding to a number loses to nobody, so a take is only tried again where a bucket was full, or became empty meanwhile.
"""

from datetime import timedelta

from chalicelib.clock import Clock
from chalicelib.documents import (
    Absent,
    Condition,
    ConditionFailed,
    Document,
    Documents,
    FieldAtLeast,
    FieldAtMost,
    Key,
    Put,
    Update,
    VersionIs,
    Write,
)
from chalicelib.errors import Unavailable
from chalicelib.rates import Rate
from chalicelib.rates.filling import check_name, interval, microseconds, taken

KEPT = timedelta(days=1)
"""After it was last full; one that is never full again for so long is given anew."""
_ROUNDS = 10


class DocumentRates:
    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    def take(self, name: str, limit: int) -> Rate:
        check_name(name)
        key = Key("rates", name)
        for _ in range(_ROUNDS):
            found = self._documents.get(key)
            now = microseconds(self._clock.now())
            full_at, rate = taken(found.body["full_at"] if found else 0, limit, now)
            if rate.retry_after:
                return rate
            try:
                self._documents.transact([self._write(key, found, full_at, limit, now)], durable=False)
            except ConditionFailed:
                continue
            return rate
        raise Unavailable("Too many requests come in the same instant; try again.")

    def _write(self, key: Key, found: Document | None, full_at: int, limit: int, now: int) -> Write:
        if found and found.body["full_at"] > now:
            within: list[Condition] = [
                FieldAtLeast("full_at", now),
                FieldAtMost("full_at", now + (limit - 1) * interval(limit)),
            ]
            return Update(key, add={"full_at": interval(limit)}, conditions=within)
        unchanged = VersionIs(found.version) if found else Absent()
        return Put(key, {"full_at": full_at}, [unchanged], expires=self._clock.now() + KEPT)
