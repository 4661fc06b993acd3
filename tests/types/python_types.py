"""Values that a source of rows may yield: a column for each type, and one for each special value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

__all__ = ["PYTHON_COLUMNS", "PythonColumn"]


@dataclass(frozen=True)
class PythonColumn:
    """A column of the rows.

    Attributes:
        kind: What the page calls its type.
        values: Its values; further rows have ``None``.
        special: What is special about the values; empty for those that every column of the type may have.
    """

    kind: str
    values: tuple[Any, ...]
    special: str = ""


class _Color(Enum):
    RED = 1


class _Text(StrEnum):
    A = "a"


class _Number(IntEnum):
    ONE = 1


@dataclass
class _Point:
    x: int


_INDIA = timezone(timedelta(hours=5, minutes=30))
_PLAIN = (
    PythonColumn("`bool`", (True, False)),
    PythonColumn("`int`", (-(2**63), 2**63 - 1, 0)),
    PythonColumn("`int` up to 38 digits", (2**64, -(10**37), 0)),
    PythonColumn("`int` of 39 to 76 digits", (10**38, -(10**75))),
    PythonColumn("`float`", (1.7976931348623157e308, -5e-324, 0.1, -0.0)),
    PythonColumn("`int` and `float`", (2**53, -0.5)),
    PythonColumn(
        "`Decimal`", (Decimal("1.50"), Decimal("-9999999999.99"), Decimal("1E+3"), Decimal("-0.00"))
    ),
    PythonColumn("`int` and `Decimal`", (2**63, Decimal("0.25"))),
    PythonColumn("`Decimal` of 39 to 76 digits", (Decimal("1" + "0" * 40 + ".5"), Decimal("1E-30"))),
    PythonColumn("`str`", ("", " ", "NULL", "\\N", "naïve 😀\r\n\t\"'\\,", "\x01\x7f\ufeff", "x" * 5000)),
    PythonColumn("`bytes`, `bytearray`", (b"", b"\x00\xff", bytearray(b"ab"))),
    PythonColumn("`date`", (date.min, date.max, date(1970, 1, 1))),
    PythonColumn(
        "`datetime` without a zone", (datetime.min, datetime.max, datetime(1969, 12, 31, 23, 59, 59, 1))
    ),
    PythonColumn(
        "`datetime` with a zone",
        (
            datetime.min.replace(tzinfo=UTC),
            datetime.max.replace(tzinfo=UTC),
            datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=_INDIA),
        ),
    ),
    PythonColumn("`time`", (time.min, time.max)),
    PythonColumn(
        "`timedelta`", (timedelta(days=-400, microseconds=1), timedelta(days=100_000), timedelta(0))
    ),
    PythonColumn("`UUID`", (UUID(int=0), UUID(int=2**128 - 1))),
    PythonColumn("`dict`", ({}, {"a": [1, 2.5, None, True, {"ü": '😀\n"\\'}], "": -0.1})),
    PythonColumn("`list`, `tuple`", ([], [1, [2, None]], (1, "a"))),
    PythonColumn("`StrEnum`", (_Text.A,)),
    PythonColumn("`IntEnum`", (_Number.ONE,)),
    PythonColumn("`None`", ()),
    PythonColumn("`Enum`", (_Color.RED,)),
    PythonColumn("`set`", ({1, 2},)),
    PythonColumn("a dataclass", (_Point(1),)),
    PythonColumn("`complex`", (1j,)),
    PythonColumn("`Fraction`", (Fraction(1, 3),)),
    PythonColumn("`int` and `str`", (1, "1")),
    PythonColumn("`date` and `datetime`", (date(2024, 1, 1), datetime(2024, 1, 1))),
    PythonColumn(
        "`datetime` with and without a zone", (datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC))
    ),
)

_SPECIAL = (
    PythonColumn("`int`", (10**76,), "more than 76 digits"),
    PythonColumn("`int` and `float`", (2**53 + 1, 0.5), "an `int` that is not exact as `float`"),
    PythonColumn("`float`", (float("nan"), float("inf"), float("-inf")), "`nan`, `inf`, `-inf`"),
    PythonColumn("`Decimal`", (Decimal("NaN"),), "`NaN`"),
    PythonColumn("`Decimal`", (Decimal("Infinity"),), "`Infinity`"),
    PythonColumn("`Decimal`", (Decimal("1E-77"),), "more than 76 digits"),
    PythonColumn("`str`", ("a\0b",), "with NUL"),
    PythonColumn("`str`", ("\ud800",), "with half a character (a surrogate)"),
    PythonColumn("`time`", (time(12, tzinfo=UTC),), "with a zone"),
    PythonColumn("`timedelta`", (timedelta.max,), "beyond 64 bits of microseconds"),
    PythonColumn(
        "`dict`",
        ({"a": Decimal("1.50"), "b": UUID(int=0), "c": date.max, "d": b"\xff"},),
        "of values that JSON lacks",
    ),
    PythonColumn("`dict`", ({"a": 2**64, "b": -(2**63) - 1},), "with an `int` beyond 64 bits"),
    PythonColumn("`dict`", ({"a": float("nan")},), "with `nan`"),
    PythonColumn("`dict`", ({"a": "b\0"},), "with NUL"),
    PythonColumn("`dict`", ({"a": "\ud800"},), "with half a character (a surrogate)"),
    PythonColumn("`dict`", ({"a": {1}},), "with a `set`"),
)

#: All columns.
PYTHON_COLUMNS = _PLAIN + _SPECIAL
