"""A query in the DuckDB of the environment that this is called with: `duckdb_query.py FILE QUERY`.

Prints the rows as JSON. DuckDB reads no files of later versions than its own, so the newest one is asked.
"""

import json
import sys

import duckdb

file, query = sys.argv[1:]
with duckdb.connect(file, read_only=file != ":memory:") as database:
    print(json.dumps(database.execute(query).fetchall()))
