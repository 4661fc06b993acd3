"""Fixtures: a destination of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import DatabaseServer
from tests.sync.targets import Target, bigquery_target, duckdb_target, parquet_target, postgres_target


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path, postgres: DatabaseServer) -> Iterator[Target]:
    """An empty destination of the kind that the test is parametrised with, indirectly."""
    with ExitStack() as opened:
        if request.param == "duckdb":
            found = duckdb_target(tmp_path)
        elif request.param == "parquet":
            found = parquet_target(tmp_path)
        elif request.param == "postgres":
            found = postgres_target(postgres)
        else:
            found = bigquery_target(request.getfixturevalue("emulator"))
        yield opened.enter_context(found)
