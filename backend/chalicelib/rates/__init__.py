"""Port: how often something may be done.

- A name has a bucket of as many tokens as may be taken in WINDOW seconds; it is full at first and fills evenly.
- Everybody who answers requests of a home takes from the same bucket, and together they never take more than it holds.
- A refusal costs nothing. A changed limit counts from the next take on.
- Names are letters, digits, hyphens and underscores, at most 100.
"""

from dataclasses import dataclass
from typing import Protocol

WINDOW = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """`remaining` may follow at once; `reset` is seconds until all may; `retry_after` 0 unless refused."""

    limit: int
    remaining: int
    reset: int
    retry_after: int = 0

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them."""
        return {
            "RateLimit-Policy": f'"tenant";q={self.limit};w={WINDOW}',
            "RateLimit": f'"tenant";r={self.remaining};t={self.reset}',
        }


class Rates(Protocol):
    def take(self, name: str, limit: int) -> Rate:
        """One token of at most `limit` (1 or more)."""
        ...
