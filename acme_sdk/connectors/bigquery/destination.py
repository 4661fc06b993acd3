"""The BigQuery destination: its configuration, its health, its checkpoints."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
from google.cloud import bigquery
from google.cloud.bigquery import DatasetReference

from acme_sdk.config import ConnectorConfig
from acme_sdk.connectors.bigquery.checkpoints import kept_streams, read_checkpoint
from acme_sdk.connectors.bigquery.columns import Columns
from acme_sdk.connectors.bigquery.credentials import check_endpoint, credentials_for
from acme_sdk.connectors.bigquery.exclusion import held_stream
from acme_sdk.connectors.bigquery.load import BigQueryLoad
from acme_sdk.connectors.bigquery.names import COLUMN_NAMES, DATASET_NAMES, TABLE_NAMES
from acme_sdk.connectors.bigquery.refresh import finish_refresh
from acme_sdk.connectors.bigquery.reset import replace_state
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.destination import StagedDestination
from acme_sdk.errors import AcmeError, FatalError
from acme_sdk.health import ConnectionReport, HealthReport, HealthStatus
from acme_sdk.load import Load, LoadPlan, StreamState

__all__ = ["BigQueryDestination"]

_VERSION = "BigQuery"
_ENDPOINT = "https://bigquery.googleapis.com"


class BigQueryDestination(StagedDestination):
    """Tables in a BigQuery dataset."""

    child_tables = True
    column_names = COLUMN_NAMES
    table_names = TABLE_NAMES
    schema_names = DATASET_NAMES

    _warehouse: Warehouse | None = None

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields."""
        return {
            "project": {
                "type": "string",
                "required": True,
                "pattern": r"^[A-Za-z0-9][A-Za-z0-9.:_-]{0,127}$",
                "description": "The Google Cloud project that holds the dataset and pays for the jobs.",
                "examples": ["my-project"],
            },
            "dataset": {
                "type": "string",
                "required": True,
                "pattern": r"^[A-Za-z0-9_]{1,1024}$",
                "description": "The dataset of tables and checkpoints. It must exist.",
                "examples": ["analytics"],
            },
            "location": {
                "type": "string",
                "default": "US",
                "pattern": r"^[A-Za-z0-9-]{1,64}$",
                "description": "Where the dataset is.",
                "examples": ["EU", "europe-west3"],
            },
            "credentials": {
                "type": "string",
                "secret": True,
                "description": "JSON text of a service account's key; without it, Application Default ones.",
            },
            "api_endpoint": {
                "type": "string",
                "description": "Another address than Google's public one: an emulator, a private endpoint.",
                "examples": ["http://localhost:9050"],
            },
            "lock_lease_s": {
                "type": "integer",
                "default": 60,
                "minimum": 10,
                "maximum": 3600,
                "description": "Seconds after which a stream is free again when its run was killed.",
            },
            "table": {"type": "string", "description": "Target of rows that are loaded without a pipeline."},
            "primary_key": {
                "type": "array",
                "default": [],
                "description": "The columns of that table's key.",
            },
        }

    def setup(self, config: ConnectorConfig) -> None:
        """Make the client; nothing is asked of BigQuery yet.

        Raises:
            ConfigurationError: The credentials are no service account's key, or the endpoint is no address.
            FatalError: There are no credentials at all (code ``auth.failed``).
        """
        endpoint = config.get("api_endpoint")
        check_endpoint(endpoint, has_credentials=config.get("credentials") is not None)
        self._location: str = config["location"]
        self._endpoint: str = endpoint or _ENDPOINT
        client = bigquery.Client(
            project=config["project"],
            credentials=credentials_for(config.get("credentials"), endpoint),
            location=self._location,
            client_options={"api_endpoint": endpoint} if endpoint else None,
        )
        # An endpoint may be let in where the one that it points to would not.
        client._http.max_redirects = 0
        self._warehouse = Warehouse(client, DatasetReference(config["project"], config["dataset"]))
        self._lock_lease_s: int = config["lock_lease_s"]
        self.default_table = config.get("table")
        self.default_primary_key = tuple(config["primary_key"])

    def check_schema(self, schema: pa.Schema) -> None:
        """Refuse columns that no table can have; see `StagedDestination.check_schema`.

        Raises:
            FatalError: A column's type (code ``type.unsupported``) or name (code ``column.name``).
        """
        Columns({}).learn(schema)

    def open_load(self, plan: LoadPlan) -> Load:
        """Begin a load; what earlier attempts at the stream and other refreshes of it left is removed."""
        return BigQueryLoad(self._opened(), plan)

    def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
        """Put a full refresh's rows in the target's place; see `StagedDestination.finish_refresh`.

        Raises:
            FatalError: The rows are gone (code ``refresh.lost``), or the target cannot hold them.
        """
        return finish_refresh(self._opened(), plan, state)

    def state(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint that the last published load of a stream stored, or ``None``."""
        stored = read_checkpoint(self._opened(), pipeline, stream)
        return stored.state if stored else None

    def replace_state(self, plan: LoadPlan, state: StreamState | None) -> None:
        """Store or remove a checkpoint without any rows; see `StagedDestination.replace_state`."""
        replace_state(self._opened(), plan, state)

    def kept_streams(self) -> list[tuple[str, str]]:
        """Return the streams that there are checkpoints of; see `StagedDestination.kept_streams`."""
        return kept_streams(self._opened())

    def exclusive(self, pipeline: str, stream: str, run_id: str) -> AbstractContextManager[None]:
        """Keep other runs from a stream by a lease that is renewed; see `StagedDestination.exclusive`.

        Raises:
            RetriableError: Another run has it (code ``pipeline.busy``).
        """
        return held_stream(self._opened(), pipeline, stream, run_id, self._lock_lease_s)

    @property
    def client(self) -> bigquery.Client:
        """The client of the project; `teardown` closes it."""
        return self._opened().client

    def health_check(self) -> HealthReport:
        """Look at the dataset, and ask whether we may run jobs: a dry run, which costs nothing."""
        started = time.perf_counter()
        try:
            location = self._check()
        except AcmeError as error:
            return HealthReport.from_error(error, _elapsed_ms(started))
        return HealthReport(
            HealthStatus.HEALTHY,
            latency_ms=_elapsed_ms(started),
            server_version=_VERSION,
            details={"location": location},
        )

    def test_connection(self) -> ConnectionReport:
        """Report the dataset and its number of tables.

        Raises:
            AcmeError: The dataset cannot be used.
        """
        started = time.perf_counter()
        self._check()
        warehouse = self._opened()
        tables = warehouse.count_tables()
        database = f"{warehouse.dataset.project}.{warehouse.dataset.dataset_id}"
        return ConnectionReport(_VERSION, database, tables, _elapsed_ms(started))

    def teardown(self) -> None:
        """Close the client's connections."""
        if self._warehouse is not None:
            self._warehouse.close()
            self._warehouse = None

    def _opened(self) -> Warehouse:
        assert self._warehouse is not None, "setup() comes first"  # noqa: S101
        return self._warehouse

    def _check(self) -> str:
        """Check the dataset and return its location."""
        location = self._opened().check(self._endpoint, self.step)
        if location.lower() != self._location.lower():
            raise FatalError(
                f"the dataset is in {location}, not in {self._location}: jobs would not find it",
                code="location.mismatch",
                hint=f"set location to {location}",
            )
        return location


def _elapsed_ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
