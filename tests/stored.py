"""All that stands in a folder, for tests that look for what must not be there."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

__all__ = ["everything_in"]


def everything_in(folder: Path) -> bytes:
    """Return the contents of all files below a folder, compressed values of SQLite databases unpacked."""
    return b"\n".join(part for path in folder.rglob("*") if path.is_file() for part in _parts(path))


def _parts(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix != ".db":
        return
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f"SELECT * FROM {table}"):
                yield from (
                    zlib.decompress(value)
                    for value in row
                    if isinstance(value, bytes) and value.startswith(b"\x78")
                )
