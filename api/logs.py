"""How the server's log is written: one JSON document a line, or text for people."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Literal, TextIO

from flask import g, has_request_context
from pythonjsonlogger.json import JsonFormatter

__all__ = ["LogFormat", "configure_logs"]

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
    handler = _Together()
    handler.setFormatter(_json() if kind == "json" else _Text())
    handler.addFilter(_with_request_id)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    # It says each time that all threads are at work, which the length of requests tells as well.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class _Together(logging.StreamHandler[TextIO]):
    """Writes the lines of a tenth of a second together, which takes requests less time than one by one.

    From a warning on they are written at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._records: deque[logging.LogRecord] = deque()
        # Not the handler's own lock, for which each request would wait.
        self._writing = threading.Lock()
        self._writer: threading.Thread | None = None
        os.register_at_fork(
            before=self._writing.acquire,
            after_in_parent=self._writing.release,
            after_in_child=self._begin_anew,
        )

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
            if lines := [line for record in records for line in self._line(record)]:
                self.stream.write("".join(lines))
            super().flush()

    def _begin_anew(self) -> None:
        """Leave the lines that were taken before a fork to the process that took them."""
        self._records.clear()
        self._writing.release()

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
