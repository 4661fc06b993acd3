"""How the server's log is written: one JSON document a line, or text for people."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Literal

from flask import g, has_request_context
from pythonjsonlogger.json import JsonFormatter

__all__ = ["LogFormat", "configure_logs"]

LogFormat = Literal["json", "text"]

# Whose lines are of interest also when nothing is wrong.
_OURS = ("acme_orchestration", "acme_sdk", "api", "gunicorn")
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
