"""A destination in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acme_sdk import open_connector
from acme_sdk.connectors.parquet import ParquetDestination


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def destination(root: Path) -> Iterator[ParquetDestination]:
    with open_connector(ParquetDestination, {"path": str(root), "lock_timeout_s": 0.3}) as connector:
        yield connector
