"""Opening a database file, and DuckDB's errors as ours."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from acme_sdk.errors import AcmeError, ConfigurationError, FatalError, RetriableError

__all__ = ["open_database", "quoted", "require_writable", "translated"]

_RETRY_EVERY_S = 0.1

# From the most particular to the most general: the first match counts.
_KINDS: tuple[tuple[type[duckdb.Error], type[AcmeError], str, str | None], ...] = (
    (duckdb.TransactionException, RetriableError, "database.conflict", "another load changed the same table"),
    (duckdb.OutOfMemoryException, FatalError, "database.memory", "give DuckDB more memory, or free some"),
    (duckdb.IOException, RetriableError, "database.io", "check the disk and the rights on the file"),
    (duckdb.PermissionException, FatalError, "permission.denied", "check the rights on the file"),
    (duckdb.ConstraintException, FatalError, "load.constraint", "the table has a constraint that rows break"),
    (duckdb.DataError, FatalError, "load.value", "a value does not fit the type of its column"),
    (duckdb.Error, FatalError, "database.failed", None),
)


def open_database(
    path: Path, *, read_only: bool = False, patience_s: float = 0.0
) -> duckdb.DuckDBPyConnection:
    """Connect to a database file; one that is to be written is made if there is none.

    Args:
        path: The file.
        read_only: Whether other processes may read it at the same time.
        patience_s: Seconds to wait for another process to let go of the file.

    Raises:
        RetriableError: Another process holds the file (code ``database.locked``).
        ConfigurationError: The file's folder does not exist (``path.no_folder``), or it is no DuckDB file
            (``path.not_duckdb``).
    """
    require_writable(path)
    give_up = time.monotonic() + patience_s
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            if read_only and isinstance(error, duckdb.ConnectionException):
                # This process has the file open for writing, and cannot open it in another way meanwhile.
                return duckdb.connect(str(path))
            if not _is_lock(error):
                raise _opening_error(error, path) from None
            if time.monotonic() >= give_up:
                raise _locked(error, path) from None
        time.sleep(_RETRY_EVERY_S)


def require_writable(path: Path) -> None:
    """Check that a database file can be written, or made.

    Raises:
        ConfigurationError: Its folder does not exist (``path.no_folder``), or the user may not write there
            (``permission.denied``).
    """
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"there is no folder {path.parent} to keep {path.name} in",
            code="path.no_folder",
            hint="make the folder, or correct the path",
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(
            f"{path} cannot be written",
            code="permission.denied",
            hint="check the rights of the user this runs as",
        )


def quoted(*names: str) -> str:
    """Return a name, or a path of names, as SQL.

    >>> print(quoted("main", 'a "b" c'))
    "main"."a ""b"" c"
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn DuckDB's errors into ours.

    Args:
        what: What was being done, e.g. ``table orders``.
    """
    try:
        yield
    except duckdb.Error as error:
        kind, code, hint = next(
            (ours, code, hint) for theirs, ours, code, hint in _KINDS if isinstance(error, theirs)
        )
        text = str(error).strip().splitlines()
        raise kind(f"{what}: {text[0] if text else type(error).__name__}", code=code, hint=hint) from None


def _is_lock(error: duckdb.Error) -> bool:
    if isinstance(error, duckdb.ConnectionException):
        return "different configuration" in str(error)
    return "Could not set lock" in str(error) or "being used by another process" in str(error)


def _locked(error: duckdb.Error, path: Path) -> RetriableError:
    holder = re.search(r"PID (\d+)", str(error))
    return RetriableError(
        f"the DuckDB file {path} is in use by another process"
        + (f" (PID {holder.group(1)})" if holder else ""),
        code="database.locked",
        hint="DuckDB lets one process write at a time: wait until the other sync has ended, or close the "
        "program that has the file open",
    )


def _opening_error(error: duckdb.Error, path: Path) -> AcmeError:
    text = str(error).strip().splitlines()[0]
    if "not a valid DuckDB database file" in text:
        return ConfigurationError(
            f"{path} is not a DuckDB file",
            code="path.not_duckdb",
            hint="correct the path, or move the file away",
        )
    if "newer" in text or "version" in text.lower():
        return FatalError(
            f"the DuckDB file {path} is of another version than DuckDB {duckdb.__version__}: {text}",
            code="database.version",
            hint="pip install --upgrade duckdb",
        )
    return RetriableError(
        f"{path}: {text}", code="database.io", hint="check the disk and the rights on the file"
    )
