"""The rows of Python as one would load them by hand: `naive_rows.py CONNECTORS postgres|duckdb`.

Into Postgres by COPY, row by row; into DuckDB as Arrow tables of 10,000 rows.
"""

import json
import os
import sys
from collections.abc import Iterator
from itertools import islice

from acme.sdk import Row, open_connector

sys.path.insert(0, sys.argv[1])
from order_rows import OrderRowsSource

target = os.environ["BENCH_TARGET"]
COLUMNS = """id bigint, customer_id bigint, order_uuid uuid, status text, description text,
    amount numeric(12, 2), score double precision, is_paid boolean, order_date date, updated_at timestamptz,
    meta {json}, note text"""


def to_postgres(rows: Iterator[Row]) -> None:
    import psycopg

    with psycopg.connect(target) as database:
        database.execute(f"CREATE TABLE orders ({COLUMNS.format(json='jsonb')})")
        with database.cursor().copy("COPY orders FROM STDIN") as copy:
            for row in rows:
                row["meta"] = json.dumps(row["meta"])
                copy.write_row(list(row.values()))


def to_duckdb(rows: Iterator[Row]) -> None:
    import duckdb
    import pyarrow as pa

    database = duckdb.connect(target)
    database.execute(f"CREATE TABLE orders ({COLUMNS.format(json='json')})")
    while batch := list(islice(rows, 10_000)):
        for row in batch:
            row.update(meta=json.dumps(row["meta"]), order_uuid=str(row["order_uuid"]))
        table = pa.Table.from_pylist(batch)
        database.from_arrow(table).insert_into("orders")
    database.close()


with open_connector(OrderRowsSource, {"rows": int(os.environ["BENCH_ROWS"])}) as source:
    {"postgres": to_postgres, "duckdb": to_duckdb}[sys.argv[2]](source.extract())
