"""What installed packages bring by entry points."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points

__all__ = ["import_problem", "installed", "what_to_install"]


def installed(group: str) -> EntryPoints:
    """Return the entry points of a group; nothing is imported."""
    return _all().select(group=group)


@cache
def _all() -> EntryPoints:
    # To ask means to read a file of every distribution there is.
    return entry_points()  # type: ignore[return-value] # Python 3.11 has a class of its own for it


def import_problem(error: BaseException) -> str:
    """Return why something cannot be imported: ``No module named 'x'`` says it, others need their class."""
    return str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"


def what_to_install(point: EntryPoint | None, error: BaseException) -> str | None:
    """Return what makes a failed import work, if a missing package is the reason.

    Args:
        point: Its entry point; where its distribution has an extra of its name, that is the answer.
        error: What the import raised.
    """
    if not isinstance(error, ImportError):
        return None
    if point is not None and point.dist is not None:
        extras = point.dist.metadata.get_all("Provides-Extra", [])
        if point.name in extras:
            return f"pip install '{point.dist.name}[{point.name}]'"
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    return f"install the package that has the module {error.name.partition('.')[0]!r}"
