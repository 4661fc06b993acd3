"""Do values and names arrive as they are?"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from acme_sdk.row import Row
from acme_sdk.testing.arrivals import Sent, observed
from acme_sdk.testing.checks.destination.loading import REFUSALS, call, load, load_or_refuse, write_modes
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.samples import (
    awkward_rows,
    extreme_rows,
    fresh_ids,
    hostile_names,
    lengthy_rows,
    sample_rows,
)
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_LONGEST_SHOWN = 100


@check(
    "destination.values",
    "None, Unicode and nested values are written",
    hint="let the client library or json do the quoting, never string formatting",
    role="destination",
    needs=["destination.count"],
)
def values(subject: Subject) -> None:
    """Values that are easily got wrong, one batch each."""
    with subject.open() as connector:
        for what, row in awkward_rows().items():
            load(connector, [row], write_modes(subject)[0], what)


@check(
    "destination.extremes",
    "extreme values are written or refused, and do no harm",
    hint="raise what the target says; roll back, so that the next batch can be written",
    role="destination",
    needs=["destination.values"],
)
def extremes(subject: Subject) -> None:
    """Each is counted truly or raises; a plain row can be written afterwards by the same instance."""
    mode = write_modes(subject)[0]
    with subject.open() as connector:
        for what, row in extreme_rows().items():
            try:
                load(connector, [row], mode, what)
            except Problem:
                raise
            except Exception:  # noqa: BLE001 - a target may have limits, as long as they are not passed over
                load(connector, sample_rows(1), mode, f"nothing special, after {what} was refused")


@check(
    "destination.names",
    "names of columns and tables cannot break a statement",
    hint="quote names, as psycopg.sql.Identifier does, or refuse them with a ConfigurationError",
    role="destination",
    needs=["destination.values"],
)
def names(subject: Subject) -> None:
    """Each is written, or refused on purpose."""
    mode = write_modes(subject)[0]
    with subject.open() as connector:
        for what, name in hostile_names().items():
            load_or_refuse(
                connector, [Row({"id": 1, "name": "a", name: "b"})], mode, f"{what} in a column's name"
            )
            load(connector, sample_rows(1), mode, f"nothing special, after {what} in a column's name")
    if subject.schema.get("table", {}).get("type") == "string" and "table" in subject.config:
        config = {**subject.config, "table": f"{subject.config['table']}\"; select 'x"}
        try:
            with subject.open(config) as connector:
                load_or_refuse(connector, sample_rows(1), mode, "quotes in the table's name")
        except REFUSALS:
            return


@check(
    "destination.columns",
    "a later batch may have other columns",
    hint="take the columns of every batch, and None for those that a row does not have",
    role="destination",
    needs=["destination.count"],
)
def columns(subject: Subject) -> None:
    """The second batch has a column more and one less; so have two rows of one batch."""
    mode = write_modes(subject)[0]
    batches = {
        "a new column in a later batch": [Row({"id": 2, "name": "b", "added": "new"})],
        "a column less in a later batch": [Row({"id": 3})],
        "different columns in one batch": [Row({"id": 4, "name": "d"}), Row({"id": 5, "added": "e"})],
    }
    with subject.open() as connector:
        load(connector, sample_rows(1), mode)
        for what, rows in batches.items():
            load_or_refuse(connector, rows, mode, what)


@check(
    "destination.stored",
    "values arrive as they are",
    hint="pass on every column of a row, None included: without it an upsert would leave the old value",
    role="destination",
    needs=["destination.values", "destination.batches"],
)
def stored(subject: Subject) -> None:
    """Rows are read back, equal; where that cannot be, the JSON that the target took is compared."""
    mode = write_modes(subject)[0]
    first = fresh_ids()
    sure = _numbered([*sample_rows(3), *awkward_rows().values()], first)
    lengthy = _numbered(lengthy_rows(), first + len(sure))
    found: list[tuple[Row, Mapping[str, Any] | None]] = []
    with observed(subject) as (connector, arrivals):
        for row in [*sure, *lengthy]:
            try:
                call(connector, [copy.deepcopy(row)], mode)
            except Exception:
                if row in lengthy:
                    continue  # a target may have limits, as long as it says so
                raise
            found.append((row, next(iter(arrivals.arrived([row]).get(row["id"], ())), None)))
    columns = {column for _, record in found if record is not None for column in record}
    if isinstance(arrivals, Sent) and "name" not in columns:
        raise Skip(
            f"{subject.kind.__name__} has no read_back(), which would return the target's rows, "
            "and what it sends is in a form of its own"
        )
    for row, record in found:
        if record is None:
            raise Problem(f"a row was written and did not arrive: {dict(row)!r}")
        # What is sent may have other names; those that are the same mean the same.
        compared = row.keys() & columns if isinstance(arrivals, Sent) else row.keys()
        for column in sorted(compared):
            _must_be_equal(row, record, column, exact=not isinstance(arrivals, Sent))


def _numbered(rows: list[Row], first: int) -> list[Row]:
    return [Row({**row, "id": number}) for number, row in enumerate(rows, first)]


def _must_be_equal(row: Row, record: Mapping[str, Any], column: str, *, exact: bool) -> None:
    if column not in record:
        raise Problem(f"{column!r} was {row[column]!r}, and did not arrive")
    given, arrived = _plain(row[column]), _plain(record[column])
    # On its way a number may well be text.
    if given != arrived and (exact or given is None or str(given) != arrived):
        raise Problem(f"{column!r} was {_shown(row[column])}, and arrived as {_shown(record[column])}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(value):,} characters)"


def _plain(value: Any) -> Any:
    """Return nested data as the JSON that most targets keep it as."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else value
