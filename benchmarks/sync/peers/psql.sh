#!/usr/bin/env bash
# The limit: what the servers alone need, COPY BINARY | COPY BINARY. psql.sh overwrite|upsert
set -euo pipefail

columns=$(psql -XqAt "$BENCH_SOURCE" -c "
  SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
  FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0")

case $1 in
overwrite)
  psql -Xq "$BENCH_SOURCE" -c "COPY orders TO STDOUT (FORMAT binary)" |
    psql -Xq "$BENCH_TARGET" -v ON_ERROR_STOP=1 -c "DROP TABLE IF EXISTS orders" \
      -c "CREATE TABLE orders ($columns)" -c "COPY orders FROM STDIN (FORMAT binary)"
  ;;
upsert)
  changes=$(psql -XqAt "$BENCH_SOURCE" -c "
    SELECT string_agg(format('%1\$I = excluded.%1\$I', attname), ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND attname <> 'id'")
  psql -Xq "$BENCH_SOURCE" \
    -c "COPY (SELECT * FROM orders WHERE updated_at > '$BENCH_SINCE') TO STDOUT (FORMAT binary)" |
    psql -Xq "$BENCH_TARGET" -v ON_ERROR_STOP=1 -c "CREATE TEMP TABLE changed (LIKE orders)" \
      -c "COPY changed FROM STDIN (FORMAT binary)" \
      -c "INSERT INTO orders SELECT * FROM changed ON CONFLICT (id) DO UPDATE SET $changes"
  ;;
esac
