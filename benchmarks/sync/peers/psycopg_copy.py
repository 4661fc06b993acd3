"""COPY BINARY through Python, nothing decoded: `psycopg_copy.py overwrite|upsert`."""

import os
import sys

import psycopg

COLUMNS = """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = 'orders'::regclass AND attnum > 0 ORDER BY attnum"""

upsert = sys.argv[1] == "upsert"
with psycopg.connect(os.environ["BENCH_SOURCE"]) as source, psycopg.connect(os.environ["BENCH_TARGET"]) as to:
    columns = source.execute(COLUMNS).fetchall()
    if upsert:
        query = f"SELECT * FROM orders WHERE updated_at > '{os.environ['BENCH_SINCE']}'"
        table = "changed"
        to.execute("CREATE TEMP TABLE changed (LIKE orders)")
    else:
        query = "SELECT * FROM orders"
        table = "orders"
        to.execute("DROP TABLE IF EXISTS orders")
        to.execute(f"CREATE TABLE orders ({', '.join(' '.join(column) for column in columns)})")
    with (
        source.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as reader,
        to.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as writer,
    ):
        for block in reader:
            writer.write(block)
    if upsert:
        changes = ", ".join(f"{name} = excluded.{name}" for name, _ in columns if name != "id")
        to.execute(f"INSERT INTO orders SELECT * FROM changed ON CONFLICT (id) DO UPDATE SET {changes}")
