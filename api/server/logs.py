"""How the server's log is written: one JSON document a line, or text for people."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from select import PIPE_BUF
from typing import Literal, TextIO

from flask import g, has_request_context
from pythonjsonlogger.json import JsonFormatter

__all__ = ["LogFormat", "configure_logs", "write_together"]

LogFormat = Literal["json", "text"]

# Whose lines are of interest also when nothing is wrong.
_OURS = ("acme_orchestration", "acme_sdk", "api", "gunicorn")
_TOGETHER_S = 0.1
# What the text has of a record beside its message.
_SHOWN = ("duration_ms", "key", "address", "request_id")


def configure_logs(kind: LogFormat) -> None:
    """Write all log lines of the process to standard error.

    Args:
        kind: In which form.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_json() if kind == "json" else _Text())
    handler.addFilter(_with_request_id)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    # It says each time that all threads are at work, which the length of requests tells as well.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def write_together() -> None:
    """Write the lines that are no warnings in batches from now on, as a process that forks no others may."""
    root = logging.getLogger()
    for handler in [*root.handlers]:
        together = _Together()
        together.setFormatter(handler.formatter)
        for keep in handler.filters:
            together.addFilter(keep)
        root.removeHandler(handler)
        root.addHandler(together)


class _Together(logging.StreamHandler[TextIO]):
    """Writes the lines of a tenth of a second together, which takes requests less time than one by one.

    From a warning on they are written at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._records: deque[logging.LogRecord] = deque()
        # Not the handler's own lock, for which each request would wait.
        self._writing = threading.RLock()
        self._writer: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        self._records.append(record)
        if record.levelno >= logging.WARNING:
            self.flush()
        elif self._writer is None or not self._writer.is_alive():
            self._writer = threading.Thread(target=self._write_on, name="acme-log", daemon=True)
            self._writer.start()

    def flush(self) -> None:
        """Write the lines that were taken."""
        with self._writing:
            records = [self._records.popleft() for _ in range(len(self._records))]
            lines = [line for record in records for line in self._line(record)]
            with suppress(OSError):  # there is no other place to say it
                for text in _atomic(lines):
                    self.stream.write(text)
                    # Not the handler's flush(), which takes its own lock: who logs a warning holds that
                    # one while waiting for this one.
                    self.stream.flush()

    def _line(self, record: logging.LogRecord) -> list[str]:
        try:
            return [self.format(record) + self.terminator]
        except Exception:  # noqa: BLE001 - whatever a record holds, as all handlers do
            self.handleError(record)
            return []

    def _write_on(self) -> None:
        while True:
            time.sleep(_TOGETHER_S)
            self.flush()


def _atomic(lines: Iterable[str]) -> Iterator[str]:
    """Put lines together so that what other processes write to the same pipe cannot get into the middle."""
    text, size = "", 0
    for line in lines:
        length = len(line.encode(errors="replace"))
        if text and size + length > PIPE_BUF:
            yield text
            text, size = "", 0
        text, size = text + line, size + length
    if text:
        yield text


def _with_request_id(record: logging.LogRecord) -> bool:
    if has_request_context() and "request_id" in g:
        record.request_id = g.request_id
    return True


def _json() -> logging.Formatter:
    return JsonFormatter(
        ["levelname", "name", "message", "process"],
        timestamp="time",
        rename_fields={"levelname": "level", "name": "logger", "process": "worker"},
        reserved_attrs=[*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"],
    )


class _Text(logging.Formatter):
    """One line, and below it, indented, where in the code something went wrong.

    What a client sent can neither end the line nor steer the terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        shown = "".join(
            f"  {name}={getattr(record, name)}" for name in _SHOWN if getattr(record, name, None) is not None
        )
        at = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"
        trace = self.formatException(record.exc_info) if record.exc_info else getattr(record, "stack", "")
        lines = [f"{at} {record.levelname:<7} {record.getMessage()}{shown}", *trace.splitlines()]
        return "\n    ".join(_printable(line) for line in lines)


def _printable(line: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)
