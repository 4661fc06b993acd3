"""Partitions: read side by side, delivered one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event, Lock

from acme_sdk.sync.reading import Batch
from acme_sdk.sync.spool import Spool

__all__ = ["READERS", "read_side_by_side"]

READERS = 4
"""How many partitions are read at a time."""

# How many partitions may be read, or wait on disk, before the first is delivered: each is an open file.
_AHEAD = 64

Read = Callable[[str, Callable[[], bool]], Generator[Batch]]


@contextmanager
def read_side_by_side(names: Sequence[str], read: Read) -> Iterator[Iterator[tuple[str, Generator[Batch]]]]:
    """Read partitions by several threads; yields each one's name and batches, in order.

    Batches wait on disk until it is their turn, so that reading is not held up and memory stays flat. What
    one partition raises stops the others, and is raised with the next batch, whichever partition that is of.
    At the end of the block all threads have ended.

    Args:
        names: The partitions.
        read: Yields the batches of one; ends early when its second argument says so.
    """
    reading = _Reading(names, read)
    try:
        yield reading.parts()
    finally:
        reading.stop()


class _Reading:
    """What `read_side_by_side` has going on."""

    def __init__(self, names: Sequence[str], read: Read) -> None:
        self._read = read
        self._waiting = deque(names)
        self._spools: deque[tuple[str, Spool]] = deque()
        self._lock = Lock()
        self._stopped = Event()
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="acme-partition")

    def parts(self) -> Iterator[tuple[str, Generator[Batch]]]:
        while len(self._spools) < _AHEAD and self._waiting:
            self._begin()
        while self._spools:
            name, spool = self._spools[0]
            yield name, spool.batches()
            spool.close()
            with self._lock:
                self._spools.popleft()
            if self._waiting:
                self._begin()

    def stop(self) -> None:
        self._stopped.set()
        self._threads.shutdown(cancel_futures=True)
        for _, spool in self._spools:
            spool.close()

    def _begin(self) -> None:
        name, spool = self._waiting.popleft(), Spool()
        with self._lock:
            self._spools.append((name, spool))
        self._threads.submit(self._fill, name, spool)

    def _fill(self, name: str, spool: Spool) -> None:
        try:
            with closing(self._read(name, self._stopped.is_set)) as batches:
                for batch in batches:
                    if self._stopped.is_set():
                        return
                    spool.put(batch)
        except BaseException as error:  # noqa: BLE001 - raised again where the batches are wanted
            # First the error, then the stop: no partition that ends early for it may look like a whole one.
            with self._lock:
                for _, other in self._spools:
                    other.end(error)
            self._stopped.set()
        finally:
            spool.end()
