"""Errors that are raised in a connector's own code, also those that are caught there."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from acme_sdk.testing.frames import is_authors

__all__ = ["errors_noted"]


@contextmanager
def errors_noted(file: Path, note: Callable[[FrameType, Exception], None]) -> Iterator[None]:
    """Listen to the errors in a connector's code, for the time of a ``with`` block.

    Args:
        file: The connector's file.
        note: Called for each error with each of the author's frames that it passes, innermost first.
    """

    @cache
    def listens(name: str) -> bool:
        return is_authors(Path(name), file)

    def enter(frame: FrameType, _: str, __: Any) -> Any:
        if not listens(frame.f_code.co_filename):
            return None
        frame.f_trace_lines = False
        return watch

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        # The end of an iterator is no error.
        if event == "exception" and issubclass(argument[0], Exception) and argument[0] is not StopIteration:
            note(frame, argument[1])
        return watch

    before, before_in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(enter)
    threading.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(before_in_threads)
