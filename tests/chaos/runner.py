"""One sync in a process of its own, which says where it is: ``python -m tests.chaos.runner SPEC``.

It writes a line when it is about to begin, has opened a load, has delivered a batch, is about to publish, and
has published; at last ``loaded N``. The connectors in between are the real ones.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

from acme_sdk import AcmeError, Load, LoadPlan, SourceConnector, StagedDestination, StreamState, WriteMode
from acme_sdk.lifecycle import open_connector
from acme_sdk.policy import NestedData
from acme_sdk.sync import CommitInterval, StreamPlan, sync_stream

__all__ = ["DESTINATIONS", "FAILED"]

DESTINATIONS = {
    "postgres": ("acme_sdk.connectors.postgres", "PostgresDestination"),
    "duckdb": ("acme_sdk.connectors.duckdb", "DuckDBDestination"),
    "parquet": ("acme_sdk.connectors.parquet", "ParquetDestination"),
    "bigquery": ("acme_sdk.connectors.bigquery", "BigQueryDestination"),
}

#: The exit code of a sync that failed with an error of ours.
FAILED = 3


def main(spec: dict[str, Any]) -> int:
    source = _source(spec["source"])
    destination = _announcing(_destination(spec["destination"]))
    plan = StreamPlan(
        spec["pipeline"],
        stream="orders",
        table=spec["table"],
        write_mode=WriteMode(spec["mode"]),
        primary_key=("id",),
        cursor_field="changed",
        nested=NestedData.TABLES if spec["nested"] else NestedData.JSON,
    )
    _say("ready")
    try:
        with (
            open_connector(source, spec["source_config"]) as origin,
            open_connector(destination, spec["destination_config"]) as target,
        ):
            result = sync_stream(
                origin,
                target,
                plan,
                on_batch=lambda _: _say("batch"),
                commit_interval=CommitInterval(rows=spec["interval_rows"]),
            )
            _say(f"loaded {result.loaded}")
    except AcmeError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr, flush=True)
        return FAILED
    return 0


def _say(what: str) -> None:
    print(what, flush=True)


def _source(name: str) -> type[SourceConnector]:
    if name == "postgres":
        from acme_sdk.connectors.postgres import PostgresSource

        return PostgresSource
    from tests.chaos.sources import ROW_SOURCES

    return ROW_SOURCES[name]


def _destination(name: str) -> type[StagedDestination]:
    module, kind = DESTINATIONS[name]
    found: type[StagedDestination] = getattr(import_module(module), kind)
    return found


def _announcing(kind: type[StagedDestination]) -> type[StagedDestination]:
    """The destination, which says when a load begins and ends."""

    class Announcing(kind):  # type: ignore[misc,valid-type]
        def open_load(self, plan: LoadPlan) -> Load:
            load: Load = super().open_load(plan)
            publish = load.publish

            def announced(checkpoint: StreamState) -> int:
                _say("publishing")
                count = publish(checkpoint)
                _say("published")
                return count

            load.publish = announced  # type: ignore[method-assign]
            _say("opened")
            return load

        def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
            _say("publishing")
            count: int = super().finish_refresh(plan, state)
            _say("published")
            return count

    return Announcing


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
