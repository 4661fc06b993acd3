"""A sync on its own, and as a step of a Dagster job: `dagster_step.py alone|step FILE PIPELINE`.

Prints the seconds that the sync took, without what was imported before: importing Dagster takes longer than
many a sync does, and happens once in the life of a code location.
"""

import json
import os
import sys
import time
from pathlib import Path

import acme_sdk.sync  # noqa: F401 - imported before the time is taken, on both sides
from acme_orchestration.registry.current import read_workspace
from acme_sdk import open_connector
from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.sync import StreamPlan, sync_stream


def alone(pipeline: str) -> dict[str, float]:
    started = time.time()
    plan = StreamPlan(pipeline, stream="orders")
    with (
        open_connector(PostgresSource, {"connection": os.environ["BENCH_SOURCE"]}) as source,
        open_connector(PostgresDestination, {"connection": os.environ["BENCH_TARGET"]}) as target,
    ):
        sync_stream(source, target, plan)
    return {"seconds": time.time() - started}


def step(file: Path, pipeline: str) -> dict[str, float]:
    from dagster import DagsterInstance

    from acme_orchestration.definitions import build_definitions

    home = Path(os.environ["BENCH_STATE"])
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    job = build_definitions(read_workspace(file)).resolve_job_def(pipeline.replace("-", "_"))
    with DagsterInstance.from_config(str(home)) as instance:
        started = time.time()
        run = job.execute_in_process(instance=instance)
        job_s = time.time() - started
        [stats] = instance.get_run_step_stats(run.run_id)
    return {"seconds": (stats.end_time or 0) - (stats.start_time or 0), "job_s": job_s}


if __name__ == "__main__":
    how, file, pipeline = sys.argv[1:]
    print(json.dumps(alone(pipeline) if how == "alone" else step(Path(file), pipeline)))
