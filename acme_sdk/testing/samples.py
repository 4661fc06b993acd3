"""Rows to load into a destination under test."""

from __future__ import annotations

from acme_sdk.connector import DestinationConnector
from acme_sdk.load import WriteMode
from acme_sdk.row import Row

__all__ = ["awkward_rows", "declared_modes", "sample_rows"]


def declared_modes(kind: type[DestinationConnector]) -> list[WriteMode]:
    """Return the write modes of a destination, append first: it touches nothing that is there."""
    return [mode for mode in WriteMode if mode in kind.write_modes]


def sample_rows(count: int) -> list[Row]:
    """Return plain rows: ``id`` counts from 1, ``name`` is text."""
    return [Row({"id": number, "name": f"row {number}"}) for number in range(1, count + 1)]


def awkward_rows() -> dict[str, Row]:
    """Return one row per kind of value that is easily got wrong, by the name of the kind."""
    return {
        "None": Row({"id": 1, "name": None}),
        "Unicode": Row({"id": 2, "name": "Grüße, 世界, עולם, 🦉"}),
        "quotes and line breaks": Row({"id": 3, "name": 'it\'s "quoted"; \\ and\nbroken\t'}),
        "an empty text": Row({"id": 4, "name": ""}),
        "nested data": Row(
            {"id": 5, "name": "nested", "tags": ["a", "b"], "extra": {"deep": {"er": [1, None]}}}
        ),
    }
