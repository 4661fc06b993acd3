"""One run of a stream at a time: what a run that comes second is told, and a lock by a file."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from acme_sdk.errors import RetriableError

__all__ = ["Holder", "exclusive_by_file", "pipeline_busy"]

_LONGEST = 4096  # bytes


@dataclass(frozen=True)
class Holder:
    """The run that has a stream to itself, as far as it is known.

    Attributes:
        run_id: The run.
        since: When it began, as people read it.
        process: Where it runs, e.g. ``process 4711 on build-7``.
    """

    run_id: str = ""
    since: str = ""
    process: str = ""

    @classmethod
    def present(cls, run_id: str) -> Holder:
        """Return a run of this process that begins now."""
        since = datetime.now(UTC).isoformat(" ", "seconds")
        return cls(run_id, since, f"process {os.getpid()} on {socket.gethostname()}")

    def __str__(self) -> str:
        run = f"run {self.run_id}" if self.run_id else "another run"
        since = f" since {self.since}" if self.since else ""
        return run + since + (f" ({self.process})" if self.process else "")


def pipeline_busy(pipeline: str, stream: str, holder: Holder | None = None) -> RetriableError:
    """Return the error for a run that comes second (code ``pipeline.busy``)."""
    return RetriableError(
        f"stream {stream!r} of pipeline {pipeline!r} is in use by {holder or Holder()}",
        code="pipeline.busy",
        hint="wait until that run has ended, or end it",
    )


@contextmanager
def exclusive_by_file(path: Path, pipeline: str, stream: str, run_id: str) -> Iterator[None]:
    """Hold a lock file, which the system lets go of when the process ends, however it ends.

    Threads of a process keep each other out as well. The file is removed at the end.

    Args:
        path: The file; its folder must exist.
        pipeline: What is locked, for the error.
        stream: As above.
        run_id: The run, for the error of others.

    Raises:
        RetriableError: Another run holds it (code ``pipeline.busy``).
    """
    while (descriptor := _acquired(path, pipeline, stream)) is None:
        pass
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(Holder.present(run_id))).encode(), 0)
        yield
    finally:
        # While it is held: nobody else's file is removed.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquired(path: Path, pipeline: str, stream: str) -> int | None:
    """Return the locked file; ``None`` if it is not the one of that path any more."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, descriptor):
            return descriptor
    except BlockingIOError:
        holder = _read(descriptor)
        os.close(descriptor)
        raise pipeline_busy(pipeline, stream, holder) from None
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _read(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, _LONGEST, 0)))
    except (ValueError, TypeError):
        return None  # it is being written
