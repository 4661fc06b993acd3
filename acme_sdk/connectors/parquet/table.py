"""A table on disk: versions aside, and one symbolic link that says which of them counts.

    orders -> .acme/tables/orders/current/data      what readers open; it never changes
    .acme/tables/orders/current -> 17               replaced by a rename: the commit
    orders__items -> .acme/tables/orders/current/children/orders__items
    .acme/tables/orders/17/data/*.parquet           the rows of version 17
    .acme/tables/orders/17/children/orders__items/  those of its child table
    .acme/tables/orders/17/manifest.json            its checkpoints, among others
    .acme/tables/orders/next/                       the version that a load is making
    .acme/tables/orders/lock

A version shares the files it has in common with the one before by hard links.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from acme_sdk.connectors.parquet.disk import make_folder, synced, write_synced
from acme_sdk.connectors.parquet.lock import locked
from acme_sdk.connectors.parquet.manifest import CHILDREN, DATA, Manifest
from acme_sdk.errors import ConfigurationError, FatalError
from acme_sdk.load import LoadPlan
from acme_sdk.names import NameRule

__all__ = ["NAMES", "OWN_FOLDER", "Table", "refresh_folder", "refresh_prefix"]

#: What belongs to the destination, in its folder.
OWN_FOLDER = ".acme"
_CURRENT = "current"
_NEXT = "next"
_MANIFEST = "manifest.json"
_REFRESH = "refresh_"
# Who was reading the list of a version's files when the next one came must find it whole.
_GRACE_S = 60
# To readers, = makes a partition, some signs are patterns, and what begins with _ or . is hidden.
_MAX_NAME_BYTES = 200
#: Which names folders can have.
NAMES = NameRule(
    _MAX_NAME_BYTES,
    allows=lambda char: char > "\x1f" and char not in "/\\=*?[]{}",
    begins=lambda char: re.fullmatch(r"[^\W_]", char) is not None,
)


class Table:
    """One table of a destination.

    Args:
        root: The destination's folder.
        name: The table, as ``table`` or ``schema.table``.

    Raises:
        ConfigurationError: The name cannot be a folder's that readers look into (code ``table.invalid``).
    """

    def __init__(self, root: Path, name: str) -> None:
        parts = name.split(".", 1)
        if len(name.encode()) > _MAX_NAME_BYTES or any(map(NAMES.problem, parts)):
            raise ConfigurationError(
                f"{name!r} cannot be a table: it is to be a folder's name",
                code="table.invalid",
                hint="begin with a letter or a digit, and leave out / \\ = * ? [ ] { }",
            )
        self.name = name
        self.home = root / OWN_FOLDER / "tables" / name
        self.next = self.home / _NEXT
        self._root = root

    def manifest(self) -> Manifest:
        """Return the version that counts; one without anything if there is none yet.

        Raises:
            FatalError: Its manifest is gone (code ``table.damaged``).
        """
        seen = None
        while (current := self._current()) is not None:
            try:
                return Manifest.from_json((self.home / current / _MANIFEST).read_text("utf-8"))
            except FileNotFoundError:
                # It may have been replaced, and removed, meanwhile.
                if current == seen:
                    raise self._damaged(_MANIFEST) from None
                seen = current
        return Manifest()

    def folder(self, folder: str) -> Path:
        """Return a folder of the version that counts."""
        return self.home / (self._current() or _CURRENT) / folder

    def shown(self) -> Path | None:
        """Return the folder of rows that readers of this name are led to now; it may be a child table's."""
        link = self._link(DATA)
        return link.resolve() if link.is_symlink() and link.is_dir() else None

    def require_place(self, folder: str = DATA) -> None:
        """Make sure that readers can be led to a folder of this table.

        Raises:
            ConfigurationError: There is something of somebody else's in that place (code ``table.foreign``).
        """
        link = self._link(folder)
        schema = link.parent
        free = link.readlink() == self._leads_to(folder) if link.is_symlink() else not link.exists()
        taken = None if free else link
        if schema != self._root and (schema.is_symlink() or schema.is_file()):
            taken = schema
        if taken is not None:
            raise ConfigurationError(
                f"table {link.name}: {taken} is there already, and was not made for it",
                code="table.foreign",
                hint="move it away, or choose another table or path",
            )

    @contextmanager
    def writing(self, patience_s: float) -> Iterator[None]:
        """Be the only one who makes a version; what attempts that died have left is removed.

        Raises:
            RetriableError: Another load goes on (code ``table.locked``).
            ConfigurationError: There is a folder or file of somebody else's in the table's place (code
                ``table.foreign``).
        """
        make_folder(self.home)
        with locked(self.home / "lock", f"table {self.name}", patience_s):
            self.require_place()
            self._clean()
            self.next.mkdir()
            try:
                yield
            finally:
                shutil.rmtree(self.next, ignore_errors=True)

    def commit(self, manifest: Manifest, sources: Mapping[str, str] | None = None) -> None:
        """Make the next version count. It happens when one link is replaced: before it nothing, after it all.

        Args:
            manifest: The next version. Files that are not in `next` yet are those of the current version.
            sources: For a folder of the next version, the one of the current version that has its files; by
                default the one of the same name.

        Raises:
            FatalError: A file is gone (code ``table.damaged``; ``refresh.lost`` for those of a full refresh).
        """
        for folder, rows in manifest.rows.items():
            self._link_files(folder, (sources or {}).get(folder, folder), rows.files)
        write_synced(self.next / _MANIFEST, manifest.to_json())
        synced(self.next)
        version = self.home / str(manifest.number)
        self.next.rename(version)
        synced(self.home)
        for folder in manifest.rows:
            if folder == DATA or folder.startswith(CHILDREN):
                self._make_link(folder)
        before = self._current()
        self._switch(version.name)
        if before is not None:
            with suppress(OSError):
                os.utime(self.home / before)  # when it was replaced; see _clean

    def _link_files(self, folder: str, source: str, names: Mapping[str, int]) -> None:
        target, current = self.next / folder, self.folder(source)
        target.mkdir(parents=True, exist_ok=True)
        there = {entry.name for entry in target.iterdir()}
        for name in names.keys() - there:
            try:
                (target / name).hardlink_to(current / name)
            except FileNotFoundError:
                raise self._damaged(name, _lost_code(source)) from None
        synced(target)
        if target.parent != self.next:
            synced(target.parent)

    def _link(self, folder: str) -> Path:
        """The link that leads readers to a folder of whichever version counts."""
        name = self.name if folder == DATA else folder.removeprefix(f"{CHILDREN}/")
        return self._root.joinpath(*name.split(".", 1))

    def _leads_to(self, folder: str) -> Path:
        """Where that link leads to; before the first commit that is nowhere."""
        return Path(os.path.relpath(self.home / _CURRENT / folder, self._link(folder).parent))

    def _make_link(self, folder: str) -> None:
        link = self._link(folder)
        if not link.is_symlink():
            make_folder(link.parent)
            link.symlink_to(self._leads_to(folder), target_is_directory=True)
            synced(link.parent)

    def _switch(self, version: str) -> None:
        fresh = self.home / "fresh"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(version, target_is_directory=True)
        fresh.replace(self.home / _CURRENT)
        synced(self.home)

    def _current(self) -> str | None:
        try:
            return str((self.home / _CURRENT).readlink())
        except FileNotFoundError:
            return None

    def _clean(self) -> None:
        current = int(self._current() or 0)
        for entry in list(self.home.iterdir()):
            if entry.name == _NEXT or (entry.name.isdigit() and self._is_over(entry, current)):
                shutil.rmtree(entry)

    @staticmethod
    def _is_over(version: Path, current: int) -> bool:
        number = int(version.name)
        replaced_s = time.time() - version.stat().st_mtime
        return number > current or (number < current and not 0 <= replaced_s < _GRACE_S)

    def _damaged(self, name: str, code: str = "table.damaged") -> FatalError:
        return FatalError(
            f"table {self.name}: the file {name} of version {self._current()} is gone from {self.home}",
            code=code,
            hint="begin anew with --full-refresh",
        )


def _lost_code(folder: str) -> str:
    return "refresh.lost" if folder.startswith(_REFRESH) else "table.damaged"


def refresh_prefix(pipeline: str, stream: str) -> str:
    """Return what the names of the folders of all full refreshes of a stream begin with."""
    return f"{_REFRESH}{_digest(pipeline, stream)}_"


def refresh_folder(plan: LoadPlan) -> str:
    """Return the folder for the rows of one full refresh."""
    return refresh_prefix(plan.pipeline, plan.stream) + _digest(plan.refresh or "")


def _digest(*parts: str) -> str:
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()
