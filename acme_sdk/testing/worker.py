"""The worker process behind `acme_sdk.testing.runner`; run as ``python -m acme_sdk.testing.worker``.

Reads a job, one JSON document on the first line of standard input, and writes events, one JSON document a
line. Standard input stays open as a lifeline: when it ends, so does this process and all that it started.
What a connector prints goes nowhere: it could hold a secret, or look like an event.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, Any

from acme_sdk.errors import ConfigurationError
from acme_sdk.plugins import load_file
from acme_sdk.secrets import Redactor
from acme_sdk.testing.frames import frames_of_error
from acme_sdk.testing.kept import keep_rows
from acme_sdk.testing.reach import Dialled
from acme_sdk.testing.registry import Check, select
from acme_sdk.testing.result import Outcome, Result
from acme_sdk.testing.secrecy import suspected_secrets
from acme_sdk.testing.settings import ProcessSettings
from acme_sdk.testing.subject import Subject
from acme_sdk.testing.verdict import judge, overdue

__all__ = ["main"]


def main() -> None:
    """Do the job on standard input, then end the process."""
    events = os.fdopen(os.dup(1), "w")
    orders = os.fdopen(os.dup(0), "rb", buffering=0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    job = json.loads(_first_line(orders))
    threading.Thread(target=_end_with, args=(orders,), name="lifeline", daemon=True).start()
    try:
        _Session(job, events).work()
    except KeyboardInterrupt:
        os._exit(130)
    events.flush()
    # Threads that a connector left running must not keep the process: they are reported already.
    os._exit(0)


def _first_line(orders: IO[bytes]) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += orders.read(1 << 16) or b"\n"
    return line


def _end_with(orders: IO[bytes]) -> None:
    orders.read(1)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _peak_bytes() -> int:
    try:
        import resource
    except ImportError:  # Windows, which has what is taken now
        import psutil

        return int(psutil.Process().memory_info().rss)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _Session:
    """The checks that are left to do, on the classes of one file."""

    def __init__(self, job: dict[str, Any], events: IO[str]) -> None:
        self._file = Path(job["file"]).resolve()
        self._config: dict[str, Any] = job["config"]
        self._job = job
        #: ``role/id`` → outcome, also of what an earlier worker did.
        self._done: dict[str, str] = job["done"]
        self._checks: list[Check] = []
        self._dialled = Dialled()
        self._events = events
        self._lock = threading.RLock()

    def work(self) -> None:
        """Run what is left, and say when it is the user who must change something."""
        try:
            self._checks = select(self._job["only"], self._job["skip"])
            for subject in self._subjects():
                self._work_on(subject)
        except ConfigurationError as error:
            self._refuse(error)
        self._emit("end")

    def _subjects(self) -> list[Subject]:
        settings = ProcessSettings(self._file)
        classes = load_file(self._file)
        role = self._job["role"]
        if role is not None and role not in classes:
            raise ConfigurationError(
                f"there is no {role} in {self._file.name}",
                code="type.no_role",
                hint=f"it has a {' and a '.join(classes)}",
            )
        subjects = [
            Subject(kind, self._config, self._file, settings, self._job["seed"])
            for name, kind in classes.items()
            if role in (None, name)
        ]
        for subject in subjects:
            try:
                _ = subject.values
            except ConfigurationError as error:
                if error.code != "config.schema":
                    raise
            except Exception:  # noqa: BLE001, S112 - a config_schema() that raises is for config.schema to report
                continue
        return subjects

    def _work_on(self, subject: Subject) -> None:
        role = subject.kind.role
        mine = [check for check in self._checks if role in check.roles]
        if not any(key.startswith(f"{role}/") for key in self._done):
            self._emit("connector", connector=asdict(subject.named), checks=len(mine))
        for check in mine:
            if f"{role}/{check.id}" in self._done:
                continue
            known = subject.extracted
            result = self._run(check, subject)
            self._done[f"{role}/{check.id}"] = result.outcome
            self._emit("result", **result.to_json())
            if known is None and (seen := subject.extracted) is not None:
                if keep := self._job["keep"]:
                    subject.errands.append(partial(self._keep, subject, Path(keep)))
                self._emit("rows", rows=seen.rows, seconds=seen.seconds, peak_bytes=_peak_bytes())
        while subject.errands:
            subject.errands.pop()()

    def _keep(self, subject: Subject, file: Path) -> None:
        """Write the rows to a file; that this goes wrong is no finding about the connector."""
        with suppress(Exception):
            if tables := keep_rows(subject.baseline, file, subject.redactor):
                self._emit("kept", file=str(file), tables=tables)

    def _run(self, check: Check, subject: Subject) -> Result:
        limit = self._job["timeout"] + 4 * (subject.extracted.seconds if subject.extracted else 0.0)
        self._emit("begin", connector=asdict(subject.named), id=check.id, title=check.title, limit=limit)
        if reason := self._blocked(check, subject.kind.role):
            return Result(check.id, check.title, subject.named, Outcome.SKIPPED, message=reason)
        working, ended = threading.get_ident(), threading.Event()

        def give_up() -> None:
            with self._lock:
                if ended.is_set():
                    return
                late = overdue(check, subject, limit, sys._current_frames().get(working))
                self._emit("result", **late.to_json())
                os._exit(0)

        deadline = threading.Timer(limit, give_up)
        deadline.daemon = True
        deadline.start()
        try:
            return judge(check, subject, self._dialled)
        finally:
            with self._lock:
                ended.set()
            deadline.cancel()

    def _blocked(self, check: Check, role: str) -> str | None:
        """Return why a check makes no sense after what others found."""
        outcomes = {
            key.split("/")[1]: found for key, found in self._done.items() if key.startswith(f"{role}/")
        }
        if Outcome.UNREACHABLE in outcomes.values():
            return "the target is unreachable"
        if Outcome.MISCONFIGURED in outcomes.values():
            return "the connector refuses the configuration"
        return self._obstacle(check, outcomes)

    def _obstacle(self, check: Check, outcomes: dict[str, str]) -> str | None:
        """Return the failed check that this one builds on, be it by way of others."""
        for need in check.needs:
            if outcomes.get(need) == Outcome.FAILED:
                return f"{need} failed"
            for between in self._checks:
                if between.id == need and (obstacle := self._obstacle(between, outcomes)):
                    return obstacle
        return None

    def _refuse(self, error: ConfigurationError) -> None:
        redact = Redactor(suspected_secrets(self._config)).redact
        frames = [asdict(frame) for frame in frames_of_error(error, self._file)]
        for frame in frames:
            frame["source"] = redact(frame["source"])
        self._emit(
            "refused",
            code=error.code,
            message=redact(error.message),
            hint=redact(error.hint or ""),
            frames=frames if error.code == "type.import_failed" else [],
        )

    def _emit(self, event: str, **fields: Any) -> None:
        with self._lock:
            self._events.write(json.dumps({"event": event, **fields}) + "\n")
            self._events.flush()


if __name__ == "__main__":
    main()
