"""A connector for the time of a run's step or of a tick: set up when it is asked for, torn down after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Generic, TypeVar

from acme_sdk.errors import AcmeError, FatalError

__all__ = ["LiveConnector"]

C = TypeVar("C")


class LiveConnector(Generic[C]):
    """Holds a connector for the time of a ``with`` block. Threads share the one.

    It is set up by the first who asks, so that one that cannot be fails nobody but its users.

    Args:
        name: The connector's name, for errors.
        opening: Returns what sets it up and tears it down.
    """

    def __init__(self, name: str, opening: Callable[[], AbstractContextManager[C]]) -> None:
        self._name = name
        self._opening = opening
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._connector: C | None = None
        self._is_over = False

    def get(self) -> C:
        """Return the connector, set up.

        Raises:
            FatalError: The block is over (code ``resource.closed``).
            AcmeError: It cannot be set up; who asks again, tries again.
        """
        with self._lock:
            if self._is_over:
                raise FatalError(
                    f"the connector {self._name} was torn down already",
                    code="resource.closed",
                    hint="use it while the asset, op, sensor or schedule runs that it was given to",
                )
            if self._connector is None:
                try:
                    self._connector = self._open.enter_context(self._opening())
                except AcmeError as error:
                    # Dagster shows notes, but knows nothing of hints.
                    error.add_note(f"The connector {self._name} cannot be set up. {error.hint or ''}".strip())
                    raise
            return self._connector

    def __enter__(self) -> LiveConnector[C]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_over = True
            self._connector = None
            self._open.__exit__(kind, error, trace)
