"""The table `orders`: the databases that have it, and a checksum that is the same wherever its rows are."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

from acme.sdk import open_connector
from benchmarks.sync.server import Server
from benchmarks.sync.sources.order_rows import OrderRowsSource

__all__ = [
    "CHANGED_SINCE",
    "Contents",
    "in_duckdb",
    "in_parquet",
    "in_postgres",
    "make",
    "make_changed",
    "of_rows",
]

HERE = Path(__file__).parent
#: Only rows that `changes.sql` changed are of a later time.
CHANGED_SINCE = "2034-01-01 00:00:00+00"

# All columns as text, in a form that Postgres, DuckDB and Python agree upon.
_TEXT = """concat_ws('|', id::text, customer_id::text, order_uuid::text, status, description,
    (amount::numeric(12, 2))::text, (floor(score * 1000000)::bigint)::text, (is_paid::int)::text,
    order_date::text, {microseconds}, meta::json->>'k', meta::json->>'tag', (meta::json->'items')->>0,
    coalesce(note, '~'))"""
_IN_POSTGRES = f"""SELECT count(*), coalesce(sum(('x' || substr(md5(
    {_TEXT.format(microseconds="((extract(epoch from updated_at) * 1000000)::bigint)::text")}
    ), 1, 8))::bit(32)::bigint), 0) FROM {{table}}"""
_IN_DUCKDB = f"""SELECT count(*), coalesce(sum(('0x' || substr(md5(
    {_TEXT.format(microseconds="epoch_us(updated_at)::text")}
    ), 1, 8))::bigint), 0)::text FROM {{table}}"""


@dataclass(frozen=True)
class Contents:
    """What a table holds.

    Attributes:
        rows: How many rows.
        checksum: The sum of a hash of each row, over all columns.
    """

    rows: int
    checksum: int


def make(server: Server, database: str, rows: int) -> None:
    """Make a database with so many orders."""
    server.create(database)
    server.run(database, (HERE / "orders.sql").read_text().format(rows=rows))
    server.run(database, "VACUUM ANALYZE")


def make_changed(server: Server, database: str, original: str) -> None:
    """Make a copy of a database in which a tenth of the orders changed."""
    server.create(database, template=original)
    server.run(database, (HERE / "changes.sql").read_text())
    server.run(database, "VACUUM ANALYZE")


def in_postgres(server: Server, database: str) -> Contents:
    """Return what the table `orders` of a database holds, in whichever schema it is."""
    [[table]] = server.query(
        database,
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
        " WHERE tablename = 'orders' AND schemaname NOT LIKE '%staging%'",
    )
    [[rows, checksum]] = server.query(database, _IN_POSTGRES.format(table=table))
    return Contents(rows, int(checksum))


def in_duckdb(file: Path, python: Path) -> Contents:
    """Return what the table `orders` of a DuckDB file holds, in whichever schema it is.

    Args:
        file: The file.
        python: An interpreter that has DuckDB.
    """
    [[schema]] = _ask(
        python,
        str(file),
        "SELECT schema_name FROM duckdb_tables()"
        " WHERE table_name = 'orders' AND schema_name NOT LIKE '%staging%'",
    )
    [[rows, checksum]] = _ask(python, str(file), _IN_DUCKDB.format(table=f'"{schema}".orders'))
    return Contents(rows, int(checksum))


def in_parquet(folder: Path, python: Path) -> Contents:
    """Return what the Parquet files of a folder `orders` hold, in this folder or one below.

    Args:
        folder: The folder.
        python: An interpreter that has DuckDB.
    """
    files = [*folder.glob("orders/*.parquet"), *folder.glob("[!.]*/orders/*.parquet")]
    table = f"read_parquet({[str(file) for file in files]})"
    [[rows, checksum]] = _ask(python, ":memory:", _IN_DUCKDB.format(table=table))
    return Contents(rows, int(checksum))


def of_rows(rows: int) -> Contents:
    """Return what a target of the source of rows is to hold."""
    return Contents(rows, sum(_hash(row) for row in _rows(rows)))


def _ask(python: Path, file: str, query: str) -> list[list[Any]]:
    done = subprocess.run(
        [python, HERE / "duckdb_query.py", file, query], check=True, capture_output=True, text=True
    )
    rows: list[list[Any]] = json.loads(done.stdout)
    return rows


def _rows(rows: int) -> Iterator[dict[str, Any]]:
    with open_connector(OrderRowsSource, {"rows": rows}) as source:
        yield from source.extract()


def _hash(row: dict[str, Any]) -> int:
    """Return what the queries above sum up, of one row."""

    meta, at = row["meta"], row["updated_at"]
    microseconds = (int(at.replace(microsecond=0).timestamp())) * 1_000_000 + at.microsecond
    texts = [
        str(row["id"]), str(row["customer_id"]), str(row["order_uuid"]), row["status"], row["description"],
        f"{row['amount']:.2f}", str(math.floor(row["score"] * 1_000_000)), str(int(row["is_paid"])),
        row["order_date"].isoformat(), str(microseconds), str(meta["k"]), meta["tag"], str(meta["items"][0]),
        "~" if row["note"] is None else row["note"],
    ]  # fmt: skip
    return int(md5("|".join(texts).encode(), usedforsecurity=False).hexdigest()[:8], 16)
