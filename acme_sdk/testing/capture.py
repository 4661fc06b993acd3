"""What a connector shows of itself: output, log records, warnings, and command lines that others can list."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

__all__ = ["Shown", "captured"]

# Which argument of these audit events is the command line.
_COMMANDS = {"subprocess.Popen": 1, "os.system": 0, "os.exec": 1, "os.posix_spawn": 1, "os.spawn": 2}


class Shown:
    """What was shown so far."""

    def __init__(self, author: Path) -> None:
        self.stream = io.StringIO()
        self.handler = _Handler(self.stream, author)
        self.descriptors = ""
        """What went out past Python, when that is over: by a child process or a library in C."""

    def text(self) -> str:
        """All of it, as text."""
        return self.stream.getvalue() + self.descriptors


@contextmanager
def captured(author: Path) -> Iterator[Shown]:
    """Listen for the time of a ``with`` block.

    Args:
        author: The connector's file; log records made there count on every level, those of libraries from
            ``INFO`` on.
    """
    shown = Shown(author)
    root = logging.getLogger()
    level = root.level
    root.addHandler(shown.handler)
    root.setLevel(logging.DEBUG)
    try:
        with (
            _descriptors(shown),
            _commands(shown),
            redirect_stdout(shown.stream),
            redirect_stderr(shown.stream),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("always")
            yield shown
    finally:
        root.setLevel(level)
        root.removeHandler(shown.handler)


@contextmanager
def _descriptors(shown: Shown) -> Iterator[None]:
    before = {number: os.dup(number) for number in (1, 2)}
    with tempfile.TemporaryFile() as file:
        for number in before:
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            for number, copy in before.items():
                os.dup2(copy, number)
                os.close(copy)
            file.seek(0)
            shown.descriptors = file.read().decode(errors="replace")


@contextmanager
def _commands(shown: Shown) -> Iterator[None]:
    listening = True

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event in _COMMANDS:
            shown.stream.write(f"the command line {arguments[_COMMANDS[event]]}\n")

    sys.addaudithook(listen)  # there is no way to take it off again
    try:
        yield
    finally:
        listening = False


class _Handler(logging.Handler):
    def __init__(self, stream: io.StringIO, author: Path) -> None:
        super().__init__(logging.DEBUG)
        self._stream = stream
        self._author = str(author)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.INFO and record.pathname != self._author:
            return
        try:
            self._stream.write(self.format(record) + "\n")
        except Exception as error:  # noqa: BLE001 - a record whose arguments do not fit is no finding of ours
            print(f"a log record cannot be formatted: {type(error).__name__}", file=sys.stderr)
