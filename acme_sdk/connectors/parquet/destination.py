"""The Parquet destination: its configuration, its health, its checkpoints."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from acme_sdk.columns import to_rows
from acme_sdk.config import ConnectorConfig
from acme_sdk.connectors.parquet.checkpoints import kept_streams, latest, lock_path
from acme_sdk.connectors.parquet.columns import merged, storable
from acme_sdk.connectors.parquet.disk import translated
from acme_sdk.connectors.parquet.files import Encoding, read_batches
from acme_sdk.connectors.parquet.load import ParquetLoad
from acme_sdk.connectors.parquet.manifest import CHILDREN, DATA
from acme_sdk.connectors.parquet.refresh import finish_refresh
from acme_sdk.connectors.parquet.reset import replace_state
from acme_sdk.connectors.parquet.table import NAMES, OWN_FOLDER, Table
from acme_sdk.destination import StagedDestination
from acme_sdk.errors import AcmeError, ConfigurationError
from acme_sdk.exclusion import exclusive_by_file
from acme_sdk.health import ConnectionReport, HealthReport, HealthStatus
from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode
from acme_sdk.names import NameRule
from acme_sdk.row import Row

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

__all__ = ["ParquetDestination"]

_VERSION = f"Arrow {pa.__version__}"
_ROW_GROUP_BYTES = 16 << 20


class ParquetDestination(StagedDestination):
    """Tables as folders of Parquet files on a local disk."""

    child_tables = True
    column_names = NameRule(folds_case=True)
    table_names = schema_names = NAMES
    write_modes: ClassVar[frozenset[WriteMode]] = frozenset({WriteMode.APPEND, WriteMode.OVERWRITE})

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields."""
        return {
            "path": {
                "type": "string",
                "required": True,
                "description": "The folder of the tables; the first load makes it, in a folder that exists.",
                "examples": ["lake"],
            },
            "table": {"type": "string", "description": "Target of rows that are loaded without a pipeline."},
            "compression": {
                "type": "string",
                "enum": ["zstd", "snappy", "none"],
                "default": "zstd",
                "description": "How files are compressed.",
            },
            "row_group_rows": {
                "type": "integer",
                "default": 122_880,
                "minimum": 1,
                "description": "Rows of a row group, or fewer if they take 16 MiB in memory.",
            },
            "file_mb": {
                "type": "integer",
                "default": 512,
                "minimum": 1,
                "description": "MiB after which a load goes on in another file.",
            },
            "lock_timeout_s": {
                "type": "number",
                "default": 10,
                "minimum": 0,
                "description": "Seconds to wait for another load of the same table.",
            },
        }

    def setup(self, config: ConnectorConfig) -> None:
        """Take over the configuration; nothing is made yet.

        Raises:
            ConfigurationError: The path is no local folder's (code ``path.invalid``).
        """
        path = config["path"]
        if "://" in path or "\0" in path:
            raise ConfigurationError(
                f"path: {path!r} is not the path of a folder",
                code="path.invalid",
                hint="name a folder of a local disk, such as lake",
            )
        self._root = Path(path).absolute()
        self._lock_timeout_s: float = config["lock_timeout_s"]
        self._encoding = Encoding(
            compression=config["compression"],
            row_group_rows=config["row_group_rows"],
            row_group_bytes=_ROW_GROUP_BYTES,
            file_bytes=config["file_mb"] << 20,
        )
        self.default_table = config.get("table")

    def check_schema(self, schema: pa.Schema) -> None:
        """Refuse columns that no table can have; see `StagedDestination.check_schema`.

        Raises:
            FatalError: A column's type (code ``type.unsupported``) or name (code ``column.name``).
        """
        empty = [pa.nulls(0, field.type) for field in schema]
        merged(pa.schema([]), storable(pa.RecordBatch.from_arrays(empty, names=schema.names)).schema)

    def open_load(self, plan: LoadPlan) -> Load:
        """Begin a load: no other one of the table can begin before it ends.

        Raises:
            RetriableError: There is another one (code ``table.locked``).
            ConfigurationError: The plan asks for an upsert (code ``write_mode.unsupported``), or its table's
                name cannot be a folder's (``table.invalid``).
        """
        if plan.write_mode not in self.write_modes:
            raise ConfigurationError(
                f"table {plan.table}: Parquet has no write mode {plan.write_mode.value!r}",
                code="write_mode.unsupported",
                hint="it has append, overwrite",
            )
        self._require_folder()
        return ParquetLoad(self._root, plan, self._encoding, self._lock_timeout_s)

    def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
        """Put a full refresh's rows in the target's place; see `StagedDestination.finish_refresh`.

        Raises:
            FatalError: The rows are gone (code ``refresh.lost``).
        """
        self._require_folder()
        return finish_refresh(self._root, plan, state, self._encoding, self._lock_timeout_s)

    def state(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint that the last published load of a stream stored, or ``None``."""
        with translated(f"checkpoints in {self._root.name}"):
            stored = latest(self._root, pipeline, stream)
        return stored.state if stored else None

    def replace_state(self, plan: LoadPlan, state: StreamState | None) -> None:
        """Store or remove a checkpoint without any rows; see `StagedDestination.replace_state`.

        Raises:
            RetriableError: Another load of the table goes on (code ``table.locked``).
        """
        self._require_folder()
        with translated(f"checkpoints in {self._root.name}"):
            replace_state(self._root, plan, state, self._lock_timeout_s)

    def kept_streams(self) -> list[tuple[str, str]]:
        """Return the streams that there are checkpoints of; see `StagedDestination.kept_streams`."""
        with translated(f"checkpoints in {self._root.name}"):
            return kept_streams(self._root)

    @contextmanager
    def exclusive(self, pipeline: str, stream: str, run_id: str) -> Iterator[None]:
        """Keep other runs from a stream by a locked file; see `StagedDestination.exclusive`."""
        self._require_folder()
        with ExitStack() as held:
            with translated(f"lock in {self._root.name}"):
                lock = lock_path(self._root, pipeline, stream)
                held.enter_context(exclusive_by_file(lock, pipeline, stream, run_id))
            yield

    def dataset(self, table: str) -> Dataset:
        """Return a table as it is now: later loads change nothing in it.

        Its files stay for a minute at least, and until the table's next load.

        Args:
            table: The table, as ``table`` or ``schema.table``.

        Raises:
            ConfigurationError: There is no such table (code ``table.unknown``).
        """
        from pyarrow.dataset import dataset  # takes a moment to import, which loads need not

        folder = Table(self._root, table).shown()
        if folder is None:
            raise ConfigurationError(
                f"there is no table {table!r} in {self._root.name}",
                code="table.unknown",
                hint="check its name, or run the pipeline that loads it",
            )
        return dataset(folder, format="parquet")

    def read_back(self) -> list[Row]:
        """Return the rows of the configured table; none if there is no such table yet.

        Raises:
            ConfigurationError: No table is configured.
        """
        table = Table(self._root, self._direct_plan(WriteMode.APPEND).table)
        with translated(f"table {table.name}"):
            rows = table.manifest().rows.get(DATA)
            files = [table.folder(DATA) / name for name in rows.files] if rows else []
            return [row for batch in read_batches(files) for row in to_rows(batch)]

    def health_check(self) -> HealthReport:
        """Tell whether the folder can be written to, or made."""
        started = time.perf_counter()
        try:
            tables = self._count_tables()
        except AcmeError as error:
            report = replace(HealthReport.from_error(error), server_version=_VERSION)
        else:
            report = HealthReport(HealthStatus.HEALTHY, server_version=_VERSION, details={"tables": tables})
        return replace(report, latency_ms=_elapsed_ms(started))

    def test_connection(self) -> ConnectionReport:
        """Report Arrow's version, the folder and its number of tables.

        Raises:
            AcmeError: The folder cannot be written to.
        """
        started = time.perf_counter()
        tables = self._count_tables()
        return ConnectionReport(_VERSION, self._root.name, tables, _elapsed_ms(started))

    def _count_tables(self) -> int:
        self.step("open")
        self._require_folder()
        self.step("query")
        with translated(f"folder {self._root.name}"):
            patterns = (f"{OWN_FOLDER}/tables/*/current/{rows}" for rows in (DATA, f"{CHILDREN}/*"))
            return sum(1 for pattern in patterns for _ in self._root.glob(pattern))

    def _require_folder(self) -> None:
        """Check that the folder can be written to, or made."""
        if self._root.exists() and not self._root.is_dir():
            raise ConfigurationError(
                f"{self._root} is no folder",
                code="path.invalid",
                hint="correct the path, or move the file away",
            )
        if not self._root.parent.is_dir():
            raise ConfigurationError(
                f"there is no folder {self._root.parent} to keep {self._root.name} in",
                code="path.no_folder",
                hint="make the folder, or correct the path",
            )
        if not os.access(self._root if self._root.exists() else self._root.parent, os.W_OK):
            raise ConfigurationError(
                f"{self._root} cannot be written to",
                code="permission.denied",
                hint="check the rights of the user this runs as",
            )


def _elapsed_ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
