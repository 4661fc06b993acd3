"""One load of a table at a time, whatever process it is in."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acme_sdk.errors import RetriableError

__all__ = ["locked"]

_RETRY_EVERY_S = 0.05


@contextmanager
def locked(path: Path, what: str, patience_s: float) -> Iterator[None]:
    """Hold a lock, which the system lets go of when the process ends, however it ends.

    Args:
        path: The lock's file; it stays.
        what: What is locked, for the error.
        patience_s: Seconds to wait for another load to end.

    Raises:
        RetriableError: Another load has it (code ``table.locked``).
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _acquire(descriptor, what, patience_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, what: str, patience_s: float) -> None:
    give_up = time.monotonic() + patience_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                holder = os.pread(descriptor, 20, 0).decode()
                raise RetriableError(
                    f"another load writes to {what}" + (f" (PID {holder})" if holder else ""),
                    code="table.locked",
                    hint="wait until it has ended",
                ) from None
        time.sleep(_RETRY_EVERY_S)
