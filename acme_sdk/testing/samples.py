"""Rows to load into a destination under test."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from random import SystemRandom

from acme_sdk.destination import DestinationConnector
from acme_sdk.load import WriteMode
from acme_sdk.row import Row

__all__ = [
    "awkward_rows",
    "declared_modes",
    "extreme_rows",
    "fresh_ids",
    "hostile_names",
    "lengthy_rows",
    "sample_rows",
]


def declared_modes(kind: type[DestinationConnector]) -> list[WriteMode]:
    """Return the write modes of a destination, append first: it touches nothing that is there."""
    return [mode for mode in WriteMode if mode in kind.write_modes]


def sample_rows(count: int, start: int = 1) -> list[Row]:
    """Return plain rows: ``id`` counts up, ``name`` is text."""
    return [Row({"id": number, "name": f"row {number}"}) for number in range(start, start + count)]


def fresh_ids() -> int:
    """Return the first of thousands of ids that no earlier run has used, most likely."""
    return SystemRandom().randrange(10**6, 2**31 - 10**4)


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


def lengthy_rows() -> list[Row]:
    """Return rows with values that are easily cut off or rounded; a target may refuse them."""
    return [
        Row({"id": 1, "name": "0123456789" * 500}),
        Row({"id": 2, "name": "digits", "precise": 0.1 + 0.2, "large": 2**53 + 1}),
    ]


def extreme_rows() -> dict[str, Row]:
    """Return one row per kind of value that a target may well refuse, by the name of the kind."""
    return {
        "NUL in a text": Row({"id": 6, "name": "before\x00after"}),
        "a text of 200,000 characters": Row({"id": 7, "name": "long " * 40_000}),
        "the largest integer of 64 bits": Row({"id": 2**63 - 1, "name": "largest"}),
        "the smallest integer of 64 bits": Row({"id": -(2**63), "name": "smallest"}),
        "an integer of more than 64 bits": Row({"id": 8, "name": "huge", "huge": 10**25}),
        "very large and very small numbers": Row({"id": 9, "name": "float", "large": 1e308, "small": 5e-324}),
        "a decimal of many digits": Row(
            {"id": 10, "name": "decimal", "amount": Decimal("12345678901234567.123456789")}
        ),
        "the first and the last date": Row({"id": 11, "name": "dates", "first": date.min, "last": date.max}),
        "the first and the last time": Row(
            {
                "id": 12,
                "name": "times",
                "begin": datetime(1, 1, 1, tzinfo=UTC),
                "end": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            }
        ),
    }


def hostile_names() -> dict[str, str]:
    """Return names of columns that break a statement which they are pasted into, by what they are."""
    return {
        "a keyword": "select",
        "a blank": "first name",
        "a double quote": 'a"b',
        "a single quote": "it's",
        "the end of a statement": "x); drop table y; --",
        "a letter of another script": "größe_世界",
        "a dot": "a.b",
        "a percent sign": "100%s",
    }
