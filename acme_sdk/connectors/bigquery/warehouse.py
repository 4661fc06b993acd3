"""What the destination asks of BigQuery, each with a deadline and with errors of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import IO, Any

import requests
from google.api_core.exceptions import Conflict, NotFound, PreconditionFailed
from google.api_core.retry import Retry
from google.auth.transport.requests import Request
from google.cloud import bigquery
from google.cloud.bigquery import DatasetReference, TableReference

from acme_sdk.connectors.bigquery.errors import bigquery_errors, is_conflict, reason_of
from acme_sdk.connectors.bigquery.names import table_sql
from acme_sdk.http.dialling import say_steps

__all__ = ["Warehouse"]

# The client's own default repeats a call for ten minutes, also to an endpoint that is dead.
_RETRY = bigquery.DEFAULT_RETRY.with_timeout(60)
_ONCE = Retry(predicate=lambda _error: False)
_CALL_TIMEOUT_S = 60.0
_UPLOAD_TIMEOUT_S = 300.0
_CHECK_TIMEOUT_S = 5.0
# Longer than anybody looks at what such a table says; then BigQuery removes it.
_DESCRIBED_LIFETIME = timedelta(days=3)

_TRANSIENT_JOBS = frozenset(
    {"backendError", "internalError", "rateLimitExceeded", "jobBackendError", "jobInternalError",
     "jobRateLimitExceeded"}
)  # fmt: skip

# A cancelled transaction has changed nothing, so that it can simply be run again.
_JOB_RETRY = Retry(
    predicate=lambda error: is_conflict(error) or reason_of(error) in _TRANSIENT_JOBS, timeout=600
)

# The REST API has the names of the first SQL dialect.
_SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


class Warehouse:
    """A dataset, through a client.

    Args:
        client: The client; closed by `close`.
        dataset: Where checkpoints and staging tables are.
    """

    def __init__(self, client: bigquery.Client, dataset: DatasetReference) -> None:
        self.client = client
        self.dataset = dataset

    def check(self, endpoint: str, step: Callable[[str], None]) -> str:
        """Look at the dataset and ask for the right to run jobs, for no more than a few seconds.

        Args:
            endpoint: The address of the API.
            step: Told what is done: ``resolve``, ``connect``, ``tls``, ``authenticate`` and ``query``.

        Returns:
            The dataset's location.

        Raises:
            AcmeError: It is not there, or we may not use it.
        """
        session = self.client._http
        is_known = session.credentials.valid  # as nobody at all always is
        say_steps(session, step, then="query" if is_known else "authenticate")
        with bigquery_errors(f"dataset {self.dataset.dataset_id}"):
            # Without the token: first whether there is a way, then who we are.
            requests.Session.request(
                session, "HEAD", endpoint, allow_redirects=False, timeout=_CHECK_TIMEOUT_S
            )
            if not is_known:
                session.credentials.refresh(partial(Request(), timeout=_CHECK_TIMEOUT_S))
            step("query")
            found = self.client.get_dataset(self.dataset, retry=_ONCE, timeout=_CHECK_TIMEOUT_S)
        with bigquery_errors(f"project {self.dataset.project}"):
            self.client.query(
                "SELECT 1",
                bigquery.QueryJobConfig(dry_run=True),
                retry=_ONCE,
                job_retry=None,
                timeout=_CHECK_TIMEOUT_S,
            )
        return str(found.location)

    def count_tables(self) -> int:
        """Return the number of tables in the dataset."""
        with bigquery_errors(f"dataset {self.dataset.dataset_id}"):
            tables = self.client.list_tables(
                self.dataset, page_size=1000, retry=_ONCE, timeout=_CHECK_TIMEOUT_S
            )
            return sum(1 for _ in tables)

    def tables(self, dataset: DatasetReference, prefixes: tuple[str, ...]) -> list[TableReference]:
        """Return a dataset's tables whose names begin with one of some prefixes."""
        with bigquery_errors(f"dataset {dataset.dataset_id}"):
            tables = self.client.list_tables(dataset, page_size=1000, retry=_RETRY, timeout=_CALL_TIMEOUT_S)
            return [table.reference for table in tables if table.table_id.startswith(prefixes)]

    def columns(self, table: TableReference) -> dict[str, str] | None:
        """Return a table's columns and their types as SQL has them; ``None`` when there is no such table.

        A repeated column has the type ``ARRAY``.

        Raises:
            FatalError: There is not even its dataset (code ``database.missing``).
        """
        found = self.find(table)
        if found is None:
            with bigquery_errors(f"dataset {table.dataset_id}"):
                self.client.get_dataset(
                    DatasetReference(table.project, table.dataset_id), retry=_RETRY, timeout=_CALL_TIMEOUT_S
                )
            return None
        return _sql_types(found.schema)

    def queried_columns(self, table: TableReference) -> dict[str, str]:
        """Return the columns that a table has for queries, and their types, right after it was altered."""
        sql = f"SELECT * FROM {table_sql(table)}"  # noqa: S608 - quoted
        with bigquery_errors(f"table {table.table_id}"):
            job = self.client.query(
                sql,
                bigquery.QueryJobConfig(dry_run=True),
                retry=_RETRY,
                job_retry=None,
                timeout=_CALL_TIMEOUT_S,
            )
        return _sql_types(job.schema or ())

    def create(
        self, table: TableReference, columns: Mapping[str, str], expires: datetime | None = None
    ) -> None:
        """Make a table of nullable columns; one that is already there stays as it is."""
        made = bigquery.Table(table, [bigquery.SchemaField(name, kind) for name, kind in columns.items()])
        if expires is not None:
            made.expires = expires
        with bigquery_errors(f"table {table.table_id}"):
            self.client.create_table(made, exists_ok=True, retry=_RETRY, timeout=_CALL_TIMEOUT_S)

    def create_described(self, table: TableReference, description: str) -> bool:
        """Make a table of no rows that says something; tell whether there was none of its name."""
        made = bigquery.Table(table, [bigquery.SchemaField("unused", "STRING")])
        made.description = description
        made.expires = datetime.now(UTC) + _DESCRIBED_LIFETIME
        with bigquery_errors(f"table {table.table_id}"):
            try:
                self.client.create_table(made, retry=_RETRY, timeout=_CALL_TIMEOUT_S)
            except Conflict:
                return False
        return True

    def find(self, table: TableReference) -> bigquery.Table | None:
        """Return what is known about a table; ``None`` when there is none."""
        with bigquery_errors(f"table {table.table_id}"):
            try:
                return self.client.get_table(table, retry=_RETRY, timeout=_CALL_TIMEOUT_S)
            except NotFound:
                return None

    def describe(self, table: bigquery.Table, description: str) -> bool:
        """Let a table that was found say something else; tell whether it was still as found."""
        table.description = description
        table.expires = datetime.now(UTC) + _DESCRIBED_LIFETIME
        with bigquery_errors(f"table {table.table_id}"):
            try:
                # The client sends the table's etag.
                self.client.update_table(
                    table, ["description", "expires"], retry=_RETRY, timeout=_CALL_TIMEOUT_S
                )
            except (NotFound, PreconditionFailed):
                return False
        return True

    def now(self) -> datetime:
        """Return the time by BigQuery's clock; the query costs nothing."""
        ((now,),) = self.run("SELECT CURRENT_TIMESTAMP()", "the clock")
        assert isinstance(now, datetime)  # noqa: S101
        return now

    def drop(self, table: TableReference) -> None:
        """Remove a table, if it is there."""
        with bigquery_errors(f"table {table.table_id}"):
            self.client.delete_table(table, not_found_ok=True, retry=_RETRY, timeout=_CALL_TIMEOUT_S)

    def run(self, sql: str, where: str) -> list[tuple[Any, ...]]:
        """Run a statement or a script to its end and return the rows of its last statement.

        Args:
            sql: What to run. It must be safe to run again after it has failed.
            where: What it is about, for errors.
        """
        with bigquery_errors(where):
            job = self.client.query(sql, retry=_RETRY, job_retry=_JOB_RETRY, timeout=_CALL_TIMEOUT_S)
            return [row.values() for row in job.result(retry=_RETRY, job_retry=_JOB_RETRY)]

    def begin_load(
        self, file: IO[bytes], table: TableReference, columns: Mapping[str, str]
    ) -> bigquery.LoadJob:
        """Send a Parquet file to a table that exists and return the job that loads it."""
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            schema=[bigquery.SchemaField(name, kind) for name, kind in columns.items()],
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        )
        with bigquery_errors(f"table {table.table_id}"):
            return self.client.load_table_from_file(
                file, table, rewind=True, job_config=config, timeout=_UPLOAD_TIMEOUT_S
            )

    def end_load(self, job: bigquery.LoadJob) -> None:
        """Wait until a load job has loaded everything."""
        with bigquery_errors(f"table {job.destination.table_id}"):
            job.result(retry=_RETRY)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()  # type: ignore[no-untyped-call]  # without hints in the client


def _sql_types(schema: Iterable[bigquery.SchemaField]) -> dict[str, str]:
    return {
        field.name: "ARRAY"
        if field.mode == "REPEATED"
        else _SQL_NAMES.get(field.field_type, field.field_type)
        for field in schema
    }
