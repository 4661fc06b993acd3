"""Connector types: what there is, and what each says about itself, without importing any here."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acme_sdk.plugins import ConnectorType, connector_types
from api.probing.targets import fields_to_test
from api.schemas import ConnectorTypeItem, Failure
from api.state.workspace import without_folder

if TYPE_CHECKING:
    from acme_sdk.health import HealthReport
    from acme_sdk.probe import ProbeResult
    from api.probing.sandbox import Sandbox

__all__ = ["TypeCatalog"]

# What failed may have been the machine's fault.
_DOUBTED_S = 60.0


@dataclass(frozen=True)
class _Described:
    """The types as they were described, and until when that holds if nothing changes."""

    stamp: Sequence[object]
    items: Mapping[str, ConnectorTypeItem]
    valid_until: float


class TypeCatalog:
    """The connector types, each described by itself in a worker process, and kept until one changes.

    Args:
        sandbox: Where they are asked.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._described: _Described | None = None
        self._describing = threading.Lock()

    def items(self, folder: Path, caller: str) -> Mapping[str, ConnectorTypeItem]:
        """Return the types by name, those that cannot be used included.

        Args:
            folder: The connectors folder.
            caller: Who asks.

        Raises:
            ProblemError: 429, they have to be asked, and too many are being asked (code ``tests.busy``).
        """
        types = connector_types(folder)
        stamp = [_stamp(one) for one in types.values()]
        if (known := self._known(stamp)) is not None:
            return known.items
        with self._sandbox.slot(caller), self._describing:
            known = self._known(stamp)
            if known is None:
                results = {one.name: one for one in self._sandbox.describe(list(types), folder)}
                items = {name: _item(types[name], results[name], folder) for name in sorted(types)}
                is_good = all(item.fault is None for item in items.values())
                until = float("inf") if is_good else time.monotonic() + _DOUBTED_S
                known = self._described = _Described(stamp, items, until)
        return known.items

    def _known(self, stamp: Sequence[object]) -> _Described | None:
        known = self._described
        is_valid = known is not None and known.stamp == stamp and time.monotonic() < known.valid_until
        return known if is_valid else None


def _stamp(found: ConnectorType) -> object:
    """What changes when a type does."""
    if not isinstance(found.origin, Path):
        return found.name, found.provider
    try:
        seen = found.origin.stat()
    except FileNotFoundError:
        return found.name, None
    return found.name, seen.st_mtime_ns, seen.st_size, seen.st_ino


def _item(found: ConnectorType, result: ProbeResult, folder: Path) -> ConnectorTypeItem:
    said: Mapping[str, Any] = result.found or {"title": found.name, "docs_url": None, "roles": []}
    is_file = isinstance(found.origin, Path)
    provider = found.origin.relative_to(folder.parent) if isinstance(found.origin, Path) else found.provider
    # What is tested over HTTP is the built-in type, whatever lies in the folder.
    roles = [
        one | {"test_fields": None if is_file else fields_to_test(found.name, one["role"])}
        for one in said["roles"]
    ]
    return ConnectorTypeItem(
        name=found.name,
        title=said["title"],
        provider=str(provider),
        docs_url=said["docs_url"],
        roles=roles,
        fault=None if result.found else _fault(result.report, folder.parent),
    )


def _fault(report: HealthReport, folder: Path) -> Failure:
    """Why a type cannot be used."""
    return Failure(
        code=report.code or "failed",
        message=without_folder(report.message or "", folder),
        hint=report.hint and without_folder(report.hint, folder),
    )
