#!/usr/bin/env bash
# Sling: sling.sh PROGRAM overwrite|upsert
set -euo pipefail

modes=(--mode full-refresh)
[ "$2" = overwrite ] || modes=(--mode incremental --primary-key id --update-key updated_at)
exec "$1" run "${modes[@]}" \
  --src-conn "$BENCH_SOURCE?sslmode=disable" --src-stream public.orders \
  --tgt-conn "$BENCH_TARGET?sslmode=disable" --tgt-object public.orders
