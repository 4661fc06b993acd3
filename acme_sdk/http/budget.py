"""How many requests may be sent in how much time: as the author says, and as the server says."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from acme_sdk.errors import RetriableError

__all__ = ["Budget"]

# Requests do not all travel for the same time: those of one period must not arrive closer than they left.
_MARGIN = 0.1
_LONGEST_MARGIN_S = 0.25
_HEADER_PREFIXES = ("X-RateLimit", "X-Rate-Limit", "RateLimit")


class Budget:
    """The rate budget of one session, shared by all threads that use it.

    It is without effect until `add` is called. Each attempt that is sent counts once, answered or not.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._periods: list[_Period] = []
        self._longest_wait: float | None = None
        self._in_flight = 0
        self._left: int | None = None
        self._closed_until = 0.0

    def add(self, requests: int | None, per: float, longest_wait: float) -> None:
        """Begin to heed the server's headers and, with ``requests``, a limit; several limits all hold.

        Args:
            requests: How many requests may be sent in any stretch of ``per``; ``None`` for no limit of ours.
            per: The stretch of time, in seconds.
            longest_wait: When more than this has to be waited for one request, `request` raises, in seconds.
        """
        if (requests is not None and requests < 1) or per <= 0:
            raise ValueError(f"a budget of {requests} requests per {per} s lets nothing through")
        with self._changed:
            self._longest_wait = longest_wait
            if requests is not None:
                self._periods.append(_Period(requests, per))

    @contextmanager
    def request(self) -> Iterator[None]:
        """Wait until a request may be sent, and count it; it is under way for the time of the ``with`` block.

        Raises:
            RetriableError: That is too far off (code ``http.budget``). Nothing was counted.
        """
        with self._changed:
            self._spend()
            self._in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def repeat(self) -> None:
        """Wait until the request under way in this thread may be sent once more, and count that, too.

        Raises:
            RetriableError: See `request`.
        """
        with self._changed:
            self._in_flight -= 1
            try:
                self._spend()
            finally:
                self._in_flight += 1

    def observe(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer how many more requests the server allows, and until when."""
        for prefix in _HEADER_PREFIXES:
            left = _number(headers.get(f"{prefix}-Remaining"))
            reset = _number(headers.get(f"{prefix}-Reset"))
            if left is not None and reset is not None:
                self._allow(int(left), time.monotonic() + _seconds_until(reset))
                return

    def _allow(self, left: int, until: float) -> None:
        with self._changed:
            # Other requests that are under way may not be among those that the server counted.
            left = max(0, left - max(0, self._in_flight - 1))
            if self._left is None or time.monotonic() >= self._closed_until:
                self._left, self._closed_until = left, until
            else:
                # Answers overtake each other: one that knows of fewer requests is not newer.
                self._left = min(self._left, left)
                if left == 0:
                    self._closed_until = max(self._closed_until, until)
            self._changed.notify_all()

    def hold(self, seconds: float | None) -> None:
        """Send nothing for a while, in any thread: a server said ``Retry-After``."""
        if seconds:
            with self._changed:
                self._left = 0
                self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    def _spend(self) -> None:
        if self._longest_wait is None:
            return
        self._wait(time.monotonic() + self._longest_wait)
        for period in self._periods:
            period.count(time.monotonic())
        if self._left is not None:
            self._left -= 1

    def _wait(self, deadline: float) -> None:
        while (pause := self._pause(time.monotonic())) > 0:
            if time.monotonic() + pause > deadline:
                raise RetriableError(
                    f"the rate budget is used up: the next request may be sent in {pause:,.0f} s, "
                    f"more than the {self._longest_wait:,.0f} s that are waited for",
                    code="http.budget",
                    hint="run it again later, or raise longest_wait of self.http.limit()",
                )
            self._changed.wait(pause)

    def _pause(self, now: float) -> float:
        """How long nothing may be sent, as things are, in seconds."""
        pauses = [period.pause(now) for period in self._periods]
        if self._left is not None:
            if now >= self._closed_until:
                self._left = None
            elif self._left <= 0:
                pauses.append(self._closed_until - now)
        return max(pauses, default=0.0)


class _Period:
    """At most so many requests in any stretch of so many seconds."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._seconds = seconds + min(seconds * _MARGIN, _LONGEST_MARGIN_S)
        self._sent: deque[float] = deque(maxlen=requests)

    def pause(self, now: float) -> float:
        if len(self._sent) < (self._sent.maxlen or 0):
            return 0.0
        return self._sent[0] + self._seconds - now

    def count(self, now: float) -> None:
        self._sent.append(now)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_until(reset: float) -> float:
    """A reset is told in seconds from now, or as a Unix time in seconds or milliseconds."""
    if reset > 1e11:
        reset /= 1000
    return max(0.0, reset - time.time() if reset > 1e9 else reset)
