"""Whether Dagster's database answers, and what is raised while it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc

from acme_sdk.errors import RetriableError

__all__ = ["Availability", "InstanceUnavailableError"]

# For so long nobody asks a database that did not answer.
_REST_S = 2.0
_AWAY = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError)


class InstanceUnavailableError(RetriableError):
    """Dagster's database cannot be read at present."""

    default_code = "dagster.unavailable"


class Availability:
    """Whether a database answers, as far as it was asked.

    Dagster goes on asking a Postgres that is away for ten seconds. One caller at a time does, now and then,
    and finds out by that whether it is back; the others are told at once.
    """

    def __init__(self) -> None:
        self._is_away = False
        self._rests_until = 0.0
        self._trying = threading.RLock()

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Ask the database in a ``with`` block.

        Raises:
            InstanceUnavailableError: It does not answer.
        """
        if not self._is_away:
            with self._noted():
                yield
            return
        if time.monotonic() < self._rests_until or not self._trying.acquire(blocking=False):
            raise _unavailable()
        try:
            with self._noted():
                yield
        finally:
            self._trying.release()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._is_away = _is_away(error)
            if self._is_away:
                self._rests_until = time.monotonic() + _REST_S
                # What the driver says may show the address.
                raise _unavailable() from None
            raise
        self._is_away = False


def _unavailable() -> InstanceUnavailableError:
    return InstanceUnavailableError(
        "Dagster's database cannot be read",
        hint="check that it runs and can be reached; what dagster.yaml says of it is under storage",
    )


def _is_away(error: BaseException | None) -> bool:
    """Tell whether an error says so, or one that it comes from: Dagster's storage for Postgres wraps them."""
    while error is not None:
        if isinstance(error, (InstanceUnavailableError, *_AWAY)):
            return True
        if isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__
    return False
