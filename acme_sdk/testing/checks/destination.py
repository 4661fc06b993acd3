"""Does load() write what it is given, and say so truly?"""

from __future__ import annotations

from typing import Any

from acme_sdk.connector import DestinationConnector
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import WriteMode
from acme_sdk.row import Row
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.samples import awkward_rows, declared_modes, sample_rows
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

# An upsert needs a key, and the user's configuration gives none.
_NO_KEY = frozenset({"key.missing", "primary_key.missing"})


@check(
    "destination.count",
    "load() returns how many rows it wrote",
    hint='return the number of rows that the target confirmed: `return response.json()["rows_written"]`',
    role="destination",
    needs=["lifecycle.setup"],
)
def count(subject: Subject) -> None:
    """Three rows are written, and counted as three."""
    with subject.open() as connector:
        _load(connector, sample_rows(3), _modes(subject)[0])


@check(
    "destination.empty",
    "an empty batch is taken, and counted as 0 rows",
    hint="return 0 for an empty list, before anything is asked of the target",
    role="destination",
    needs=["destination.modes"],
)
def empty(subject: Subject) -> None:
    """An extraction without news is no error."""
    with subject.open() as connector:
        for mode in _modes(subject):
            _load(connector, [], mode)


@check(
    "destination.modes",
    "every declared write mode works",
    hint="name in `write_modes` only what load() does: `write_modes = frozenset({WriteMode.APPEND})`",
    role="destination",
    needs=["destination.count"],
)
def modes(subject: Subject) -> None:
    """Each of `write_modes` takes rows."""
    for mode in _modes(subject):
        with subject.open() as connector:
            _load(connector, sample_rows(2), mode)


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
            _load(connector, [row], _modes(subject)[0], what)


def _modes(subject: Subject) -> list[WriteMode]:
    """The declared write modes, append first: what can be added does not depend on what is there."""
    assert issubclass(subject.kind, DestinationConnector)  # noqa: S101 - the check is for this role
    modes = declared_modes(subject.kind)
    if not modes:
        raise Problem(f"{subject.kind.__name__}.write_modes is empty: there is no way to load")
    return modes


def _load(connector: DestinationConnector, rows: list[Row], mode: WriteMode, what: str = "") -> None:
    try:
        written: Any = connector.load(list(rows), mode)
    except ConfigurationError as error:
        if error.code not in _NO_KEY:
            raise
        raise Skip(error.message) from None
    given = f"{len(rows)} row{'' if len(rows) == 1 else 's'}" + (f" with {what}" if what else "")
    if isinstance(written, bool) or not isinstance(written, int):
        raise Problem(
            f"load() returned {type(written).__name__} for {given} in mode {mode.value}, not an int"
        )
    if written != len(rows):
        raise Problem(f"load() returned {written} for {given} in mode {mode.value}")
