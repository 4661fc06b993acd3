"""Fixtures: a dataset per test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from acme.sdk import LoadPlan, open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from tests.bigquery.emulator import Emulator
from tests.bigquery.loads import checkpoint

PROJECT = "acme-test"


@dataclass
class Dataset:
    """A dataset in the emulator, looked at with a client of its own."""

    client: bigquery.Client
    name: str
    endpoint: str

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of a connector for it."""
        return {"project": PROJECT, "dataset": self.name, "api_endpoint": self.endpoint}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement; ``{ds}`` in it stands for the dataset."""
        statement = sql.replace("{ds}", f"`{PROJECT}`.`{self.name}`")
        return [row.values() for row in self.client.query(statement, job_retry=None).result()]

    def tables(self) -> set[str]:
        """Return the names of all tables."""
        return {table.table_id for table in self.client.list_tables(self.name)}

    def stages(self) -> set[str]:
        """Return the names of staging tables."""
        return {name for name in self.tables() if name.startswith("_acme_stage")}

    def locks(self) -> set[str]:
        """Return the names of the tables of locks."""
        return {name for name in self.tables() if name.startswith("_acme_lock")}


@pytest.fixture
def dataset(emulator: Emulator) -> Iterator[Dataset]:
    """An empty dataset."""
    client = bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator.endpoint},
    )
    name = f"test_{uuid.uuid4().hex[:12]}"
    client.create_dataset(name)
    yield Dataset(client, name, emulator.endpoint)
    client.delete_dataset(name, delete_contents=True)
    client.close()


@pytest.fixture
def destination(dataset: Dataset) -> Iterator[BigQueryDestination]:
    """The connector, set up for the dataset."""
    with open_connector(BigQueryDestination, dataset.config, name="analytics") as connector:
        yield connector


Loader = Callable[..., int]


@pytest.fixture
def load(destination: BigQueryDestination) -> Loader:
    """Load tables of batches and publish them: ``load(plan, batch, …) -> rows``."""

    def run(plan: LoadPlan, *batches: pa.RecordBatch, cursor: str | None = None) -> int:
        opened = destination.open_load(plan)
        try:
            for batch in batches:
                opened.stage(batch)
            return opened.publish(checkpoint(plan, cursor))
        finally:
            opened.discard()

    return run
