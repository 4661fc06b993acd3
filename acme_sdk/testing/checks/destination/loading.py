"""Calling ``load()`` and judging what it returns."""

from __future__ import annotations

from typing import Any

from acme_sdk.destination import DestinationConnector
from acme_sdk.errors import AcmeError, ConfigurationError
from acme_sdk.load import WriteMode
from acme_sdk.row import Row
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.samples import declared_modes
from acme_sdk.testing.subject import Subject

__all__ = ["REFUSALS", "call", "load", "load_or_refuse", "write_modes"]

#: What a destination raises that does not want something, rather than failing at it.
REFUSALS = (AcmeError, ValueError, NotImplementedError)
# An upsert needs a key, and the user's configuration gives none.
_NO_KEY = frozenset({"key.missing", "primary_key.missing"})


def write_modes(subject: Subject) -> list[WriteMode]:
    """The declared write modes, append first: what can be added does not depend on what is there."""
    assert issubclass(subject.kind, DestinationConnector)  # noqa: S101 - the check is for this role
    modes = declared_modes(subject.kind)
    if not modes:
        raise Problem(f"{subject.kind.__name__}.write_modes is empty: there is no way to load")
    return modes


def call(connector: DestinationConnector, rows: list[Row], mode: WriteMode) -> Any:
    """Load, as the engine does; a missing key is the configuration's affair, so that nothing can be told."""
    try:
        return connector.load(rows, mode)
    except ConfigurationError as error:
        if error.code not in _NO_KEY:
            raise
        raise Skip(error.message) from None


def load(connector: DestinationConnector, rows: list[Row], mode: WriteMode, what: str = "") -> None:
    """Load, and make sure that the returned number is the one of the rows.

    Args:
        connector: The destination.
        rows: What to load.
        mode: How.
        what: What is special about the rows, for the message.
    """
    written = call(connector, list(rows), mode)
    given = f"{len(rows)} row{'' if len(rows) == 1 else 's'}" + (f" with {what}" if what else "")
    if isinstance(written, bool) or not isinstance(written, int):
        raise Problem(
            f"load() returned {type(written).__name__} for {given} in mode {mode.value}, not an int"
        )
    if written != len(rows):
        raise Problem(f"load() returned {written} for {given} in mode {mode.value}")


def load_or_refuse(connector: DestinationConnector, rows: list[Row], mode: WriteMode, what: str) -> None:
    """Load as `load` does, or be refused on purpose."""
    try:
        load(connector, rows, mode, what)
    except (Problem, Skip):
        raise
    except REFUSALS:
        return
    except Exception as error:
        raise Problem(f"{what} ended in {type(error).__name__}: {error}") from error
