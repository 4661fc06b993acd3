"""Settings of the whole process that a connector changes, though it shares the process with others."""

from __future__ import annotations

import locale
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from acme_sdk.testing.frames import is_authors

__all__ = ["Changed", "ProcessSettings"]

# What the standard library does on the way from the author's line to the setting itself.
_BETWEEN = frozenset({"collections", "contextlib", "locale", "logging", "os", "signal", "socket"})


class Changed(NamedTuple):
    """A setting that is not what it was before the connector was loaded.

    Attributes:
        setting: What was changed.
        place: Where: ``FILE, line NUMBER``.
    """

    setting: str
    place: str


class ProcessSettings:
    """Notes what a connector's author changes in the process, from now on.

    What a library changes when it is imported or used does not count: its users can hardly help it.

    Args:
        file: The connector's file, not loaded yet.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._before = _now()
        self._places: dict[str, str] = {}
        for owner, name, settings in _SETTERS:
            self._listen(owner, name, settings)

    @property
    def changed(self) -> Iterator[Changed]:
        """What the author changed and did not change back."""
        now = _now()
        for setting, place in self._places.items():
            if now.get(setting) != self._before.get(setting):
                yield Changed(setting, place)

    def _listen(self, owner: Any, name: str, settings: Callable[..., str]) -> None:
        function = getattr(owner, name)

        def listening(*args: Any, **options: Any) -> Any:
            if place := self._author(sys._getframe(1)):
                self._places[settings(*args)] = place
            return function(*args, **options)

        setattr(owner, name, listening)

    def _author(self, frame: Any) -> str | None:
        while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in _BETWEEN:
            frame = frame.f_back
        if frame is None:
            return None
        path = Path(frame.f_code.co_filename)
        return f"{path.name}, line {frame.f_lineno}" if is_authors(path, self._file) else None


_FOLDER = "the working directory"
_LOCALE = "the locale"
_LOGGING = "the root logger"
_TIMEOUT = "the default time-out of sockets"


def _variable(_: Any, name: Any, *__: Any) -> str:
    return f"the environment variable {os.fsdecode(name)}"


def _signal(number: int, *_: Any) -> str:
    return f"the handler of {signal.Signals(number).name}"


_SETTERS: tuple[tuple[Any, str, Callable[..., str]], ...] = (
    (os, "chdir", lambda *_: _FOLDER),
    (type(os.environ), "__setitem__", _variable),
    (type(os.environ), "__delitem__", _variable),
    (signal, "signal", _signal),
    (socket, "setdefaulttimeout", lambda *_: _TIMEOUT),
    (locale, "setlocale", lambda *_: _LOCALE),
    (logging, "disable", lambda *_: _LOGGING),
    (logging.RootLogger, "setLevel", lambda *_: _LOGGING),
    (logging.RootLogger, "addHandler", lambda *_: _LOGGING),
)


def _now() -> dict[str, Any]:
    """Return the settings of the process, by what they are called above."""
    root = logging.getLogger()
    return {
        _FOLDER: Path.cwd(),
        _TIMEOUT: socket.getdefaulttimeout(),
        _LOCALE: locale.setlocale(locale.LC_ALL),
        _LOGGING: (root.level, list(root.handlers), logging.root.manager.disable),
        **{_variable(None, name): value for name, value in os.environ.items()},
        **{_signal(number): signal.getsignal(number) for number in signal.Signals},
    }
