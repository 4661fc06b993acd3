"""What is where in a JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Path", "find", "records_path", "walk"]

_DEEPEST = 3

#: Names of members, from the outside in.
Path = tuple[str, ...]


def walk(document: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield a document, and what is in its objects, with where it is; lists are not entered."""
    yield path, document
    if isinstance(document, dict) and len(path) < _DEEPEST:
        for name, value in document.items():
            yield from walk(value, (*path, name))


def find(document: Any, path: Path) -> Any:
    """Return what is at a place; ``None`` if there is nothing."""
    for name in path:
        document = document[name] if isinstance(document, dict) and name in document else None
    return document


def records_path(document: Any) -> Path | None:
    """Return where the longest list of objects is."""
    lists = [(len(value), path) for path, value in walk(document) if _is_records(value)]
    return max(lists, default=(0, None))[1]


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
