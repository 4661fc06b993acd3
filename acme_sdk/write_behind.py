"""Writing in a thread of its own, so that the next batch is read while this one is written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["WriteBehind"]

T = TypeVar("T")


class WriteBehind(Generic[T]):
    """Hands items to a function, one after the other, while the caller goes on.

    At most one item is under way: who puts the next one waits for it, so that memory stays bounded and a slow
    writer slows its reader.

    Args:
        write: Takes an item; it is called by one thread, which is not the caller's.
    """

    def __init__(self, write: Callable[[T], None]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="acme-write")
        self._pending: Future[None] | None = None

    def put(self, item: T) -> None:
        """Hand over an item when the one before is written.

        Raises:
            Exception: What writing the one before raised.
        """
        self.wait()
        self._pending = self._thread.submit(self._write, item)

    def wait(self) -> None:
        """Return when all is written.

        Raises:
            Exception: What writing the last item raised; once, and nothing after that.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def close(self) -> None:
        """End the thread when it is done with what it has; safe to call twice."""
        self._thread.shutdown()
