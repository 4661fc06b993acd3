"""What becomes of all columns in all destinations, and the option that writes the page about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bigquery.emulator import Emulator
from tests.servers import DatabaseServer
from tests.types.arrivals import Outcome, sync_what_can_be
from tests.types.origins import NAMES, PYTHON_NAMES, RowsOrigin, TableOrigin, is_tested, table_origin
from tests.types.targets import bigquery_target, duckdb_target, parquet_target, postgres_target


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", action="store_true", help="write docs/data-types.md anew")


@pytest.fixture(scope="session")
def table(postgres: DatabaseServer) -> Iterator[TableOrigin]:
    """A table with all types of Postgres."""
    with table_origin(postgres) as origin:
        yield origin


@pytest.fixture(scope="session")
def table_outcomes(
    table: TableOrigin, postgres: DatabaseServer, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    """What became of the table's columns, by destination."""
    folder = tmp_path_factory.mktemp("table")
    outcomes = {}
    for opening in (
        postgres_target(postgres, printed=True),
        duckdb_target(folder, printed=True),
        bigquery_target(emulator),
        parquet_target(folder),
    ):
        with opening as target:
            names = [name for name in NAMES if is_tested(target.name, table.schema.field(name).type)]
            outcomes[target.name] = sync_what_can_be(target, names, table.into(target))
    return outcomes


@pytest.fixture(scope="session")
def row_outcomes(
    postgres: DatabaseServer, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    """What became of the rows' columns, by destination."""
    folder = tmp_path_factory.mktemp("rows")
    outcomes, rows = {}, RowsOrigin()
    for opening in (
        postgres_target(postgres, printed=False),
        duckdb_target(folder, printed=False),
        bigquery_target(emulator),
        parquet_target(folder),
    ):
        with opening as target:
            names = [name for name in PYTHON_NAMES if is_tested(target.name, rows.arrow_type(name))]
            outcomes[target.name] = sync_what_can_be(target, names, rows.into(target))
    return outcomes
