"""DuckDB's Postgres extension: `duckdb_scanner.py postgres|duckdb|parquet`. It keeps all types but jsonb."""

import os
import sys
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

kind, target = sys.argv[1], os.environ["BENCH_TARGET"]
import_extension("postgres_scanner")
database = duckdb.connect(target if kind == "duckdb" else ":memory:")
database.execute("LOAD postgres_scanner")
database.execute(f"ATTACH '{os.environ['BENCH_SOURCE']}' AS source (TYPE postgres, READ_ONLY)")
query = "SELECT * FROM source.public.orders"
if kind == "postgres":
    database.execute(f"ATTACH '{target}' AS target (TYPE postgres)")
    database.execute(f"CREATE OR REPLACE TABLE target.public.orders AS {query}")
elif kind == "duckdb":
    database.execute(f"CREATE OR REPLACE TABLE orders AS {query}")
else:
    folder = Path(target, "orders")
    folder.mkdir(parents=True)
    database.execute(f"COPY ({query}) TO '{folder / 'orders.parquet'}' (FORMAT parquet)")
