"""All types into all destinations: each value arrives as it was, or an error says which one cannot."""

from __future__ import annotations

import pytest

from acme_sdk import AcmeError
from tests.types.arrivals import Outcome, Refusal
from tests.types.origins import NAMES, PYTHON_NAMES, RowsOrigin, TableOrigin
from tests.types.postgres_types import Column
from tests.types.python_types import PythonColumn
from tests.types.same_values import is_printed, is_value

TARGETS = ["Postgres", "DuckDB", "BigQuery", "Parquet"]

# A type that is none is known before the first row, what a value does not fit only when it comes.
TYPE_CODES = {"type.unsupported"}
VALUE_CODES = {"data.not_representable", "load.value"}
ROW_CODES = {*TYPE_CODES, *VALUE_CODES, "data.nul", "data.invalid", "row.value", "row.mixed_types"}


def described(column: Column | PythonColumn) -> str:
    return f"{column.kind} {column.special}".strip()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NAMES, ids=[described(column) for column in NAMES.values()])
def test_a_column_of_postgres(
    table: TableOrigin, table_outcomes: dict[str, Outcome], name: str, target: str
) -> None:
    outcome, column, printed = table_outcomes[target], NAMES[name], table.printed[name]
    if refusal := outcome.refused.get(name):
        check_refusal(refusal, column, printed)
    elif found := outcome.found.get(name):
        kind = table.schema.field(name).type
        wrong = [
            (wanted, value)
            for wanted, value in zip(printed, found.values, strict=True)
            if not is_printed(kind, wanted, value)
        ]
        assert wrong == [], found.type
    else:
        assert target == "BigQuery"  # its emulator has no BIGNUMERIC


def check_refusal(refusal: Refusal, column: Column, printed: list[str | None]) -> None:
    error = refusal.error
    assert error.message.startswith("stream 'v"), error
    if error.code in TYPE_CODES:
        assert refusal.rows == 0, error
        return
    assert error.code in VALUE_CODES, error
    assert column.special, f"a value that each {column.kind} may have: {error}"
    shown = [value.removesuffix("+00").replace("+00 BC", " BC") for value in printed if value]
    assert any(value in error.message for value in shown) or "surrogate" in error.message, error


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", PYTHON_NAMES, ids=[described(column) for column in PYTHON_NAMES.values()])
def test_a_column_of_rows(row_outcomes: dict[str, Outcome], name: str, target: str) -> None:
    outcome = row_outcomes[target]
    if refusal := outcome.refused.get(name):
        check_row_refusal(refusal.error)
    elif found := outcome.found.get(name):
        wanted = RowsOrigin().values(name)
        wrong = [
            (value, other)
            for value, other in zip(wanted, found.values, strict=True)
            if not is_value(value, other)
        ]
        assert wrong == [], found.type
    else:
        # The emulator has no BIGNUMERIC, and BigQuery no column for nothing but None.
        assert target == "BigQuery"


def check_row_refusal(error: AcmeError) -> None:
    assert error.message.startswith("stream '"), error
    assert error.code in ROW_CODES, error
    if error.code.startswith("row."):
        assert " row " in error.message, error
