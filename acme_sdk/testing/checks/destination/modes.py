"""Does each write mode do what its name says?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_sdk.destination import DestinationConnector
from acme_sdk.load import WriteMode
from acme_sdk.row import Row
from acme_sdk.testing.arrivals import id_of, reads_back
from acme_sdk.testing.checks.destination.loading import call, load, write_modes
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.samples import fresh_ids, sample_rows
from acme_sdk.testing.subject import Subject

__all__: list[str] = []


@check(
    "destination.modes",
    "every declared write mode works",
    hint="name in `write_modes` only what load() does: `write_modes = frozenset({WriteMode.APPEND})`",
    role="destination",
    needs=["destination.count"],
)
def modes(subject: Subject) -> None:
    """Each of `write_modes` takes rows."""
    for mode in write_modes(subject):
        with subject.open() as connector:
            load(connector, sample_rows(2), mode)


@check(
    "destination.upsert",
    "the same batch twice by upsert is there once",
    hint="replace the row that has the same key",
    role="destination",
    needs=["destination.modes", "destination.batches"],
)
def upsert(subject: Subject) -> None:
    """Two loads of the same keys leave one row each, the later one."""
    if WriteMode.UPSERT not in write_modes(subject):
        raise Skip(f"{subject.kind.__name__} has no mode upsert")
    start = fresh_ids()
    with subject.open() as connector:
        _read_back(connector)
        for suffix in ("first", "second"):
            rows = [Row({**row, "name": suffix}) for row in sample_rows(3, start)]
            call(connector, rows, WriteMode.UPSERT)
        call(connector, [Row({"id": start, "name": None})], WriteMode.UPSERT)
        found = [row for row in _read_back(connector) if start <= id_of(row) < start + 3]
    if len(found) != 3:
        raise Problem(f"3 rows were upserted twice, and {len(found)} were read back")
    names = {id_of(row): row.get("name") for row in found}
    if (kept := names.pop(start)) is not None:
        raise Problem(f"a row was upserted with None for a name, and {kept!r} was read back")
    if set(names.values()) != {"second"}:
        raise Problem("rows were upserted twice with the same keys, and not the later ones were read back")


@check(
    "destination.overwrite",
    "after overwriting only the new rows are there",
    hint="remove what was there before, in the same transaction",
    role="destination",
    needs=["destination.modes", "destination.batches"],
)
def overwrite(subject: Subject) -> None:
    """A second overwrite leaves nothing of the first."""
    if WriteMode.OVERWRITE not in write_modes(subject):
        raise Skip(f"{subject.kind.__name__} has no mode overwrite")
    with subject.open() as connector:
        _read_back(connector)
        call(connector, sample_rows(3), WriteMode.OVERWRITE)
        call(connector, sample_rows(2, 4), WriteMode.OVERWRITE)
        found = [id_of(row) for row in _read_back(connector)]
    if sorted(found) != [4, 5]:
        raise Problem(f"the rows 4 and 5 were written over what was there; read back were {len(found)} rows")


def _read_back(connector: DestinationConnector) -> list[Mapping[str, Any]]:
    """What the target has now, by a method that authors may write for the harness."""
    if not reads_back(type(connector)):
        raise Skip(f"{type(connector).__name__} has no read_back(), which would return the target's rows")
    return list(connector.read_back())
