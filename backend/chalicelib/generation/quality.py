"""Figures that tell a good dataset from a dull one: repetition and length. Pure."""

import re
import zlib
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from chalicelib.generation.columns import as_text
from chalicelib.generation.jobs.model import Lengths, Quality

SAMPLED = 1000
SAMPLED_PARTS = 20
NEAR = 0.8
"""Texts that share so much of their word triples are near duplicates."""
_HASHES, _BANDS = 48, 16
_WORD = re.compile(r"\w+")
_PRIME = (1 << 31) - 1
_BUCKETS = 10


def measure(rows: Sequence[Mapping[str, Any]]) -> Quality:
    texts = [" ".join(map(as_text, row["outputs"].values())) for row in rows]
    return Quality(
        sampled=len(rows),
        exact_duplicates=_share(len(texts) - len(set(texts)), len(texts)),
        near_duplicates=_share(len(_near(texts)), len(texts)),
        lengths=_lengths(rows),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _near(texts: Sequence[str]) -> set[int]:
    """Places of texts that nearly say what one before them says."""
    shingles = [_shingles(each) for each in texts]
    buckets: dict[tuple[int, ...], list[int]] = {}
    found = set()
    for place, mine in enumerate(shingles):
        candidates = set()
        for band in _bands(mine):
            bucket = buckets.setdefault(band, [])
            candidates.update(bucket[:20])
            bucket.append(place)
        if any(_likeness(mine, shingles[each]) >= NEAR for each in candidates):
            found.add(place)
    return found


def _shingles(text: str) -> frozenset[int]:
    words = _WORD.findall(text.lower())
    triples = zip(words, words[1:], words[2:], strict=False) if len(words) > 3 else [tuple(words)]  # noqa: PLR2004
    return frozenset(zlib.crc32(" ".join(each).encode()) for each in triples)


def _bands(shingles: frozenset[int]) -> list[tuple[int, ...]]:
    """A signature by minimal hashes, cut into bands: alike texts most likely share one."""
    signature = [
        min((each * (2 * number + 1) + number * 7919) % _PRIME for each in shingles) for number in range(_HASHES)
    ]
    width = _HASHES // _BANDS
    return [(band, *signature[band * width : (band + 1) * width]) for band in range(_BANDS)]


def _likeness(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / len(one | other)


def _lengths(rows: Sequence[Mapping[str, Any]]) -> list[Lengths]:
    found: dict[str, list[int]] = {}
    for row in rows:
        for column, output in row["outputs"].items():
            found.setdefault(column, []).append(len(as_text(output)))
    return [
        Lengths(
            column=column,
            shortest=min(sizes),
            median=round(median(sizes)),
            longest=max(sizes),
            histogram=_histogram(sizes),
        )
        for column, sizes in found.items()
    ]


def _histogram(sizes: Sequence[int]) -> list[tuple[int, int]]:
    width = max(1, -(-max(sizes) // _BUCKETS))
    tops = range(width, width * _BUCKETS + 1, width)
    return [(top, sum(top - width < max(1, size) <= top for size in sizes)) for top in tops]
