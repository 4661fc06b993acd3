"""Memory that the workers of one server have in common."""

from __future__ import annotations

import fcntl
import mmap
import tempfile
import threading

__all__ = ["SharedMemory"]


class SharedMemory:
    """Bytes that a process, and those that are forked off from it, see and change together.

    In a ``with`` block, one thread of one process has them to itself. Locks are the kernel's, and belong to a
    process: when it is killed, they are free.

    Args:
        size: How many bytes, all 0 at first.
    """

    def __init__(self, size: int) -> None:
        self.bytes = mmap.mmap(-1, size)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it has no bytes, and lasts as long as the locks
        self._threads = threading.Lock()

    def __enter__(self) -> mmap.mmap:
        self._threads.acquire()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1)
        except BaseException:
            self._threads.release()
            raise
        return self.bytes

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1)
        self._threads.release()

    def hold(self, number: int) -> bool:
        """Take a further lock for this process, unless another one has it.

        Args:
            number: Which one, from 0.
        """
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1 + number)
        except OSError:
            return False
        return True

    def free(self, number: int) -> None:
        """Give a lock back that this process holds."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, 1 + number)
