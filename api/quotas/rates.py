"""How often a caller may ask, an address send no valid key, and a target be tested."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, Protocol, get_args

import limits
from limits.errors import ConfigurationError as LimitsError
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string

from acme_sdk.errors import ConfigurationError
from api.messages.problems import ProblemError
from api.quotas.rate_table import RateTable

__all__ = ["DEFAULT_RATES", "Rates", "Standing", "parse_rates", "rate_storage"]

log = logging.getLogger(__name__)

# For how long a store is left alone that did not answer.
_AWAY_S = 5
_REDIS_TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 1}

#: What a rate is for: each scope of a key; requests without a valid key, by address; tests of one target.
Subject = Literal["read", "test", "write", "refused", "target"]

DEFAULT_RATES = (
    "read=120000/minute, test=600/minute, write=1200/minute, refused=120/minute, target=120/minute"
)


def parse_rates(text: str) -> Mapping[Subject, limits.RateLimitItem]:
    """Read rates such as ``test=30/minute, write=1000/hour``; others are as by default.

    Raises:
        ConfigurationError: One of them is none (code ``rates.invalid``).
    """
    rates: dict[Subject, limits.RateLimitItem] = {}
    for entry in f"{DEFAULT_RATES},{text}".split(","):
        name, _, rate = (part.strip() for part in entry.partition("="))
        if not name:
            continue
        subject = next((known for known in get_args(Subject) if known == name), None)
        try:
            item = limits.parse(rate)
        except ValueError:
            item = None
        if subject is None or item is None or item.amount < 1:
            raise ConfigurationError(
                f"rates: {entry.strip()!r} is none",
                code="rates.invalid",
                hint=f"write one of {', '.join(get_args(Subject))} and a rate, as in test=30/minute",
            )
        rates[subject] = item
    return rates


def rate_storage(url: str) -> Storage:
    """Open what several machines count in together.

    Args:
        url: An address that `limits` knows, e.g. ``redis://host:6379``.

    Raises:
        ConfigurationError: There is no such kind of storage, or its package is missing (``rates.store``).
    """
    try:
        timeouts = _REDIS_TIMEOUTS if url.startswith("redis") else {}
        storage = storage_from_string(url, wrap_exceptions=True, **timeouts)
    except LimitsError as error:
        # The address is not shown: it may hold a password.
        reason = str(error).replace(url, f"{url.partition(':')[0]}://…")
        raise ConfigurationError(
            f"the store of the rates cannot be used: {reason}",
            code="rates.store",
            hint="for redis://host:6379, pip install redis; without a store, this machine counts by itself",
        ) from None
    if isinstance(storage, MemoryStorage) or not isinstance(storage, Storage):
        raise ConfigurationError(
            "the store of the rates must be one that all workers see",
            code="rates.store",
            hint="leave it out for one machine, or name a Redis server",
        )
    return storage


@dataclass(frozen=True)
class Standing:
    """Where a caller stands after a request.

    Attributes:
        subject: What the rate is for.
        quota: How many requests are allowed in a window.
        window_s: How long a window is, in seconds.
        remaining: How many are left in this one.
        reset_s: In how many seconds it ends.
    """

    subject: Subject
    quota: int
    window_s: int
    remaining: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """The same as headers of an answer (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"{self.subject}";q={self.quota};w={self.window_s}',
            "RateLimit": f'"{self.subject}";r={self.remaining};t={self.reset_s}',
        }


class _Counts(Protocol):
    """Counts requests in windows of time."""

    def count(self, key: str, window_s: int, /) -> tuple[int, float]:
        """Count one; return how many there were in its window, and in how many seconds that ends."""
        ...


class _StoredCounts:
    """Counts in a storage that several machines share."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def count(self, key: str, window_s: int, /) -> tuple[int, float]:
        number = self._storage.incr(key, window_s)
        return number, self._storage.get_expiry(key) - time.time()


class Rates:
    """Counts requests, and refuses those that are too many.

    Args:
        rates: How many of what are allowed, from `parse_rates`.
        storage: Counts for several machines; while it is away, and without it, this one counts by itself.
    """

    def __init__(self, rates: Mapping[Subject, limits.RateLimitItem], storage: Storage | None = None) -> None:
        self._rates = rates
        self._here = RateTable()
        self._back_at = -math.inf
        self._everywhere: _Counts = self._here if storage is None else _StoredCounts(storage)

    def count(self, subject: Subject, holder: str) -> Standing:
        """Count a request.

        Args:
            subject: What it is.
            holder: Whom it counts for.

        Raises:
            ProblemError: 429, there were too many in this window (code ``rate.exceeded``).
        """
        try:
            counts = self._here if time.monotonic() < self._back_at else self._everywhere
            number, standing = self._counted(counts, subject, holder)
        except StorageError as error:
            self._back_at = time.monotonic() + _AWAY_S
            log.warning("rates are counted on this machine alone: %s", type(error.storage_error).__name__)
            number, standing = self._counted(self._here, subject, holder)
        if number > standing.quota:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "rate.exceeded",
                f"{_SUBJECTS[subject]}: {standing.quota} in {standing.window_s} s are allowed",
                headers={"Retry-After": str(max(1, standing.reset_s)), **standing.headers},
            )
        return standing

    def _counted(self, counts: _Counts, subject: Subject, holder: str) -> tuple[int, Standing]:
        rate = self._rates[subject]
        window_s = rate.get_expiry()
        number, ends_in_s = counts.count(rate.key_for(subject, holder), window_s)
        remaining, reset_s = max(0, rate.amount - number), max(0, math.ceil(ends_in_s))
        return number, Standing(subject, rate.amount, window_s, remaining, reset_s)


_SUBJECTS: Mapping[Subject, str] = {
    "read": "too many requests that read",
    "test": "too many tests",
    "write": "too many requests that write",
    "refused": "too many requests without a valid key",
    "target": "too many tests of this target",
}
