"""A query in the DuckDB of the environment that this is called with: `duckdb_query.py FILE QUERY`.

DuckDB reads no files of later versions than its own, so that the newest one is asked. Prints the rows as JSON.
"""

import json
import sys

import duckdb

file, query = sys.argv[1:]
with duckdb.connect(file, read_only=file != ":memory:") as database:
    print(json.dumps(database.execute(query).fetchall()))
