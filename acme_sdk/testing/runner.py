"""Running checks from outside: in a worker process, each check under a deadline.

A connector that hangs, ends its process or crashes the interpreter is a finding with a name: the worker is
replaced and the other checks go on.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from acme_sdk.testing.result import Connector, Frame, Outcome, Result

__all__ = ["Begun", "Event", "Job", "Kept", "Refused", "Rows", "Started", "run"]

#: How long a worker may take beyond its own deadline, and to tear down after an interrupt, in seconds.
_GRACE_S = 5.0
# What a process may need to end that has closed its output.
_END_S = 10.0


@dataclass(frozen=True)
class Job:
    """What to run.

    Attributes:
        file: The Python file with the connector.
        config: Its configuration as written, references included.
        only: Ids of checks, or their nouns; all by default.
        skip: Ids or nouns to leave out.
        role: Only this role's class of the file; both by default.
        timeout: Seconds for one check; later checks get four times a full extraction's duration on top.
        seed: What decides where chance does: the same seed, the same choices.
        keep: The DuckDB file that the extracted rows are written to, if DuckDB is installed.
    """

    file: Path
    config: Mapping[str, Any] = field(repr=False)
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    role: str | None = None
    timeout: float = 30.0
    seed: int = 0
    keep: Path | None = None


@dataclass(frozen=True)
class Started:
    """A connector class was found, its checks follow.

    Attributes:
        connector: The class.
        checks: How many checks.
    """

    connector: Connector
    checks: int


@dataclass(frozen=True)
class Rows:
    """What a full extraction gave.

    Attributes:
        rows: How many rows.
        seconds: How long they took.
        peak_bytes: The most memory that the process had taken by then.
    """

    rows: int
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Kept:
    """Extracted rows were written to a DuckDB file.

    Attributes:
        file: The file.
        tables: The names of its tables, one a stream.
    """

    file: Path
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """The checks cannot begin: no connector in the file, or a configuration that does not fit.

    Attributes:
        code: Stable code, e.g. ``config.invalid``.
        message: What is wrong, without secrets.
        hint: What to do about it.
        frames: Where in the author's code, when importing it failed.
    """

    code: str
    message: str
    hint: str
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True)
class Begun:
    """A check has begun.

    Attributes:
        connector: The class it is run on.
        id: The check's id.
        title: What it makes sure of.
        limit: Seconds until it counts as hanging.
    """

    connector: Connector
    id: str
    title: str
    limit: float


Event = Started | Begun | Result | Rows | Kept | Refused


def run(job: Job) -> Iterator[Event]:
    """Run the checks and yield what happens as it happens.

    The worker starts at once, and gets ready while the caller does. When the caller stops, by an interrupt or
    by closing the iterator, the connector is torn down and the worker ended before this returns.
    """
    return _events(job, _Worker(job, {}))


def _events(job: Job, worker: _Worker) -> Iterator[Event]:
    done: dict[str, str] = {}
    while True:
        current: Begun | None = None
        since, known = time.monotonic(), len(done)
        with worker:
            while (message := worker.receive(current)) is not None:
                if message["event"] == "end":
                    return
                event = _event(message)
                if isinstance(event, Begun):
                    current, since = event, time.monotonic()
                elif isinstance(event, Result):
                    done[f"{event.connector.role}/{event.id}"] = event.outcome
                    current = None
                yield event
            exit_code = worker.kill()
        if current is not None:
            result = _silent(current, exit_code, time.monotonic() - since)
            done[f"{current.connector.role}/{current.id}"] = result.outcome
            yield result
        elif len(done) == known:
            raise RuntimeError(f"the worker process ended with {exit_code} before it began")
        worker = _Worker(job, done)


def _event(message: dict[str, Any]) -> Event:
    kind = message.pop("event")
    if kind == "result":
        return Result.from_json(message)
    if kind == "refused":
        return Refused(**{**message, "frames": tuple(Frame(**frame) for frame in message["frames"])})
    if kind == "rows":
        return Rows(**message)
    if kind == "kept":
        return Kept(Path(message["file"]), tuple(message["tables"]))
    connector = Connector(**message.pop("connector"))
    return Begun(connector, **message) if kind == "begin" else Started(connector, **message)


def _silent(check: Begun, exit_code: int | None, seconds: float) -> Result:
    """The result of a check during which the worker stopped to speak."""
    if exit_code is None:
        message = f"this did not end in {check.limit:g} s, and could not be interrupted"
        hint = "a library may be waiting in compiled code: give it a time-out"
    else:
        how = f"by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"with exit code {exit_code}"
        message = f"the connector ended the whole process, {how}"
        hint = "raise an exception instead of calling sys.exit() or os._exit()"
    return Result(
        check.id,
        check.title,
        check.connector,
        Outcome.FAILED,
        seconds=round(seconds, 4),
        message=message,
        hint=hint,
    )


class _Worker:
    """The child process: the job in on its standard input, events out."""

    def __init__(self, job: Job, done: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="acme-test-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "acme_sdk.testing.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": self._folder.name},
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        self._orders: IO[bytes] = self._process.stdin
        self._events: IO[bytes] = self._process.stdout
        self._queue: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        document = {
            "file": str(job.file),
            "config": dict(job.config),
            "only": job.only,
            "skip": job.skip,
            "role": job.role,
            "timeout": job.timeout,
            "seed": job.seed,
            "keep": str(job.keep) if job.keep else None,
            "done": done,
        }
        with suppress(BrokenPipeError):  # it died at once; the missing events say so
            self._orders.write(json.dumps(document).encode() + b"\n")
            self._orders.flush()

    def _read(self) -> None:
        for line in self._events:
            self._queue.put(json.loads(line))
        self._closed.set()
        self._queue.put(None)

    def receive(self, current: Begun | None) -> dict[str, Any] | None:
        """Return the next event, or ``None`` when there are no more or the current check is long overdue."""
        try:
            return self._queue.get(timeout=None if current is None else current.limit + _GRACE_S)
        except queue.Empty:
            return None

    def kill(self) -> int | None:
        """End the worker and all that it started; return its exit code if it had ended by itself."""
        if self._closed.is_set():  # its last event may be faster than its end
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
        exit_code = self._process.poll()
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if exit_code is None:
            self._process.kill()
            self._process.wait()
        return exit_code

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        self.kill()
        self._reader.join()
        with suppress(BrokenPipeError):
            self._orders.close()
        self._events.close()
        self._folder.cleanup()
