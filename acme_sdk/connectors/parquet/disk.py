"""The disk: what is written is really there, and the system's errors as ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acme_sdk.errors import FatalError, RetriableError

__all__ = ["make_folder", "synced", "translated", "write_synced"]

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def synced(path: Path) -> None:
    """Return when a file's content, or a folder's list of entries, would outlive a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, so that they would outlive a power failure."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        synced(path.parent)


def write_synced(path: Path, text: str) -> None:
    """Make a file of some text, and return when it would outlive a power failure."""
    path.write_text(text, encoding="utf-8")
    synced(path)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the system's errors into ours.

    Args:
        what: What was being done, e.g. ``table orders``.
    """
    try:
        yield
    except OSError as error:
        text = error.strerror or str(error).splitlines()[0]
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in _FULL:
            raise RetriableError(
                f"{what}: {text}{where}", code="disk.full", hint="make room on the disk"
            ) from None
        if error.errno in _DENIED:
            raise FatalError(
                f"{what}: {text}{where}",
                code="permission.denied",
                hint="check the user's rights, and that the disk has hard and symbolic links",
            ) from None
        raise RetriableError(
            f"{what}: {text}{where}", code="disk.failed", hint="check the disk and the rights on the folder"
        ) from None
