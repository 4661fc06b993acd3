"""Writing in a thread of its own, so that the next batches are read while one is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import Generic, TypeVar

from acme_sdk.errors import AcmeError

__all__ = ["WriteBehind"]

T = TypeVar("T")

# One that is being written, and one that is there when it is done: the other side need not wait for us.
_UNDER_WAY = 2

# What is begun for several items is not ended for a moment's wait.
_IDLE_S = 1.0


class WriteBehind(Generic[T]):
    """Hands items to a function, one after the other, while the caller goes on.

    At most two items are under way: who puts a third one waits for the first, so that memory stays bounded
    and a slow writer slows its reader. When writing an item fails, no other is written; an error of ours says
    which item it was about (`AcmeError.batch`, from 1 on), unless it says so already.

    Args:
        write: Takes an item; it is called by one thread, which is not the caller's.
        pause: Called by the same thread when no other item comes for a second, or is to come.
    """

    def __init__(self, write: Callable[[T], None], pause: Callable[[], None] = lambda: None) -> None:
        self._write = write
        self._pause = pause
        self._items: deque[T] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="acme-write")
        self._pending: deque[Future[None]] = deque()
        self._has_failed = False
        self._is_ending = False
        self._changed = Condition()
        self._taken = 0

    def put(self, item: T) -> None:
        """Hand over an item, when there is room for it.

        Raises:
            Exception: What writing an item before it raised.
        """
        while len(self._pending) >= _UNDER_WAY:
            self._pending.popleft().result()
        with self._changed:
            self._items.append(item)
            self._is_ending = False
            self._changed.notify()
        self._pending.append(self._thread.submit(self._take))

    def wait(self) -> None:
        """Return when all is written.

        Raises:
            Exception: What writing an item raised, if `put` has not raised it already.
        """
        self._end()
        while self._pending:
            self._pending.popleft().result()

    def close(self) -> None:
        """End the thread when it is done with what it has; safe to call twice."""
        self._end()
        self._thread.shutdown()

    def _take(self) -> None:
        item = self._items.popleft()
        self._taken += 1
        if self._has_failed:
            return
        try:
            self._write(item)
            if not self._another_comes():
                self._pause()
        except BaseException as error:
            self._has_failed = True
            if isinstance(error, AcmeError) and error.batch is None:
                error.batch = self._taken
            raise

    def _another_comes(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_ending, _IDLE_S)
            return bool(self._items)

    def _end(self) -> None:
        with self._changed:
            self._is_ending = True
            self._changed.notify()
