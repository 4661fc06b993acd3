"""The works that are measured: the rows of the table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from benchmarks.sync.bars import ACME, LARGE, Bar, Memory, Rate, Ratio, Seconds

__all__ = ["WORKS", "Entry", "Size", "Work"]

PSQL, PSYCOPG, SCANNER = "psql COPY", "psycopg COPY", "DuckDB's scanner"
NAIVE, DLT, SLING = "a loop by hand", "dlt", "Sling"
ALONE = "sync_stream alone"


class Size(Enum):
    """How many rows a source has."""

    SMALL = "small"
    FULL = "full"
    LARGE = "large"

    def rows(self, full: int) -> int:
        """Return the number of rows, given that of a full source."""
        return {Size.SMALL: 1000, Size.FULL: full, Size.LARGE: 10 * full}[self]


@dataclass(frozen=True)
class Entry:
    """Who does a work.

    Attributes:
        label: As the table shows it.
        contestant: The program, by its name in `benchmarks.sync.contestants`.
        size: How many rows its source has.
        slow: Only takes part when all peers are asked for.
    """

    label: str
    contestant: str
    size: Size = Size.FULL
    slow: bool = False


@dataclass(frozen=True)
class Work:
    """A row of the table.

    Attributes:
        key: What ``--only`` calls it.
        title: What the table calls it.
        pipeline: Our pipeline in ``workspace.yaml``.
        target: The kind of destination.
        bar: What must be reached.
        entries: Who does it, in turn.
        mode: The write mode; ``upsert`` loads a tenth of the rows, those that changed.
        rows_source: Whether the source is the one of rows, in place of the database.
        most_rounds: Further rounds would tell nothing new.
    """

    key: str
    title: str
    pipeline: str
    target: Literal["postgres", "duckdb", "parquet"]
    bar: Bar
    entries: tuple[Entry, ...]
    mode: Literal["overwrite", "upsert"] = "overwrite"
    rows_source: bool = False
    most_rounds: int | None = None


_ACME = Entry(ACME, "acme")
_PSQL, _PSYCOPG, _SCANNER = Entry(PSQL, "psql"), Entry(PSYCOPG, "psycopg"), Entry(SCANNER, "scanner")
_NAIVE = Entry(NAIVE, "naive")
_DLT, _SLING = Entry(DLT, "dlt", slow=True), Entry(SLING, "sling", slow=True)
_FEW_AND_MANY = (_ACME, Entry(LARGE, "acme", Size.LARGE))

WORKS = (
    Work(
        "W1", "Postgres → Postgres, overwrite", "postgres-overwrite", "postgres",
        Ratio(PSQL, 1.2), (_PSQL, _PSYCOPG, _SCANNER, _ACME, _SLING, _DLT),
    ),
    Work(
        "W2", "Postgres → DuckDB, overwrite", "duckdb-overwrite", "duckdb",
        Ratio(SCANNER, 1.15), (_SCANNER, _ACME, _DLT),
    ),
    Work(
        "W3", "Postgres → Parquet, overwrite", "parquet-overwrite", "parquet",
        Ratio(SCANNER, 1.15), (_SCANNER, _ACME, _DLT),
    ),
    Work(
        "W4", "Postgres → Postgres, upsert of the changed tenth", "postgres-upsert", "postgres",
        Ratio(PSQL, 1.4), (_PSQL, _PSYCOPG, _ACME, _SLING, _DLT), mode="upsert",
    ),
    Work(
        "rows-postgres", "rows of Python → Postgres", "rows-to-postgres", "postgres",
        Rate(120_000), (_NAIVE, _ACME), rows_source=True,
    ),
    Work(
        "rows-duckdb", "rows of Python → DuckDB", "rows-to-duckdb", "duckdb",
        Rate(250_000), (_NAIVE, _ACME), rows_source=True,
    ),
    Work(
        "start", "start-up: 1,000 rows, Postgres → Postgres", "postgres-overwrite", "postgres",
        Seconds(0.7),
        (
            Entry(PSQL, "psql", Size.SMALL), Entry(ACME, "acme", Size.SMALL),
            Entry(SLING, "sling", Size.SMALL, slow=True), Entry(DLT, "dlt", Size.SMALL, slow=True),
        ),
    ),
    Work(
        "memory-postgres", "memory: Postgres → Postgres", "postgres-overwrite", "postgres",
        Memory(250), _FEW_AND_MANY, most_rounds=2,
    ),
    Work(
        "memory-duckdb", "memory: Postgres → DuckDB", "duckdb-capped", "duckdb",
        Memory(250, apart_mb=128), _FEW_AND_MANY, most_rounds=2,
    ),
    Work(
        "memory-parquet", "memory: Postgres → Parquet", "parquet-overwrite", "parquet",
        Memory(250), _FEW_AND_MANY, most_rounds=2,
    ),
    Work(
        "memory-rows", "memory: rows of Python → Postgres", "rows-to-postgres", "postgres",
        Memory(250), _FEW_AND_MANY, rows_source=True, most_rounds=2,
    ),
    Work(
        "dagster", "the step of a Dagster job, Postgres → Postgres", "postgres-overwrite", "postgres",
        Ratio(ALONE, 1.1), (Entry(ALONE, "alone"), Entry(ACME, "step")),
    ),
)  # fmt: skip
