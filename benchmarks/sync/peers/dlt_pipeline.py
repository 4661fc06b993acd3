"""dlt with its fastest reader: `dlt_pipeline.py postgres|duckdb|parquet overwrite|upsert`."""

import os
import sys

import dlt
from dlt.sources.sql_database import sql_table

kind, mode = sys.argv[1:]
source, target = os.environ["BENCH_SOURCE"], os.environ["BENCH_TARGET"]
upsert = {
    "incremental": dlt.sources.incremental("updated_at"),
    "primary_key": "id",
    "write_disposition": "merge",
}
orders = sql_table(
    credentials=source.replace("postgresql://", "postgresql+psycopg2://"),
    table="orders",
    backend="connectorx",
    chunk_size=50_000,
    **(upsert if mode == "upsert" else {}),
)
destinations = {
    "postgres": lambda: dlt.destinations.postgres(target),
    "duckdb": lambda: dlt.destinations.duckdb(target),
    "parquet": lambda: dlt.destinations.filesystem(f"file://{target}"),
}
pipeline = dlt.pipeline(
    "bench", destination=destinations[kind](), dataset_name="bench", pipelines_dir=os.environ["BENCH_STATE"]
)
options = {} if mode == "upsert" else {"write_disposition": "replace"}
pipeline.run(orders, loader_file_format="csv" if kind == "postgres" else "parquet", **options)
