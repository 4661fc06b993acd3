"""From a traceback or a running thread to the lines that the connector's author wrote."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FrameType, TracebackType

from acme_sdk.testing.result import Frame

__all__ = ["frames_of_error", "frames_of_thread", "is_authors"]

_OURS = Path(__file__).resolve().parents[1]
_INSTALLED = {"site-packages", "dist-packages"}
_MOST = 5


def frames_of_error(error: BaseException, file: Path) -> tuple[Frame, ...]:
    """Return the author's frames of an error, or else of what caused it; outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        if frames := _frames(_walk(seen.__traceback__), file):
            return frames
        seen = seen.__cause__ or seen.__context__
    return ()


def frames_of_thread(frame: FrameType | None, file: Path) -> tuple[Frame, ...]:
    """Return the author's frames of a thread that is still running; outermost first."""
    stack = list(traceback.walk_stack(frame))
    return _frames(reversed(stack), file)


def _walk(trace: TracebackType | None) -> Iterable[tuple[FrameType, int]]:
    return traceback.walk_tb(trace)


def _frames(walked: Iterable[tuple[FrameType, int]], file: Path) -> tuple[Frame, ...]:
    frames = [
        Frame(
            file=frame.f_code.co_filename,
            line=line,
            function=frame.f_code.co_name,
            source=linecache.getline(frame.f_code.co_filename, line).strip(),
        )
        for frame, line in walked
        if is_authors(Path(frame.f_code.co_filename), file)
    ]
    return tuple(frames[-_MOST:])


def is_authors(path: Path, file: Path) -> bool:
    """Tell whether a file belongs to the connector: it lies beside or below the connector's own."""
    if path == file:
        return True
    if not path.is_absolute() or path.is_relative_to(_OURS) or _INSTALLED & set(path.parts):
        return False
    return path.is_relative_to(file.parent)
