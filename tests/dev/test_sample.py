"""The sample workspace under ``acme dev``: what a newcomer sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import requests

from tests.running_dev import ACME, RunningDev


def test_both_pipelines_ran_and_their_rows_are_told(sample_dev: RunningDev) -> None:
    assert "Pipeline user-analytics: airlines 16, airports 1,458, flights 336,776, planes 3,322 rows" in (
        sample_dev.output
    )
    assert "Pipeline user-export: weather 26,115 rows" in sample_dev.output


def test_the_destinations_hold_the_rows(sample_dev: RunningDev, tmp_path: Path) -> None:
    # A copy, since a health check may have the file open.
    copy = shutil.copy(sample_dev.home / "analytics.duckdb", tmp_path)
    with duckdb.connect(copy) as database:
        found = database.sql("SELECT count(*), count(dep_time), min(time_hour) FROM flights").fetchone()
    assert found is not None
    assert found[:2] == (336_776, 328_521)
    assert found[2].timestamp() == 1_357_034_400  # 2013-01-01T10:00:00Z
    with psycopg.connect(sample_dev.postgres.connection_string("exports")) as connection:
        assert connection.execute("SELECT count(*) FROM weather").fetchone() == (26_115,)


def test_the_calls_it_prints_work_as_they_stand(sample_dev: RunningDev) -> None:
    wait_for_status(sample_dev, "users_db", "healthy")
    listed, tested, health = [json.loads(run(command)) for command in printed_commands(sample_dev)]

    users_db = next(entry for entry in listed["data"] if entry["name"] == "users_db")
    assert users_db.pop("last_check").endswith("Z")
    assert users_db == {
        "name": "users_db",
        "type": "postgres",
        "role": "source",
        "status": "healthy",
        "pipelines": ["user-analytics", "user-export"],
    }
    assert tested["data"]["status"] == "connected"
    assert tested["data"]["database"] == "flights"
    assert tested["data"]["tables"] == 5
    assert health["data"]["status"] == "healthy"


def test_a_stopped_database_is_seen_and_so_is_its_return(sample_dev: RunningDev) -> None:
    wait_for_status(sample_dev, "users_db", "healthy")
    sample_dev.postgres.stop()
    try:
        wait_for_status(sample_dev, "users_db", "unhealthy")
        health = requests.get(f"{sample_dev.api_url}/api/v1/connectors/users_db/health", timeout=60).json()
        assert sample_dev.postgres.password not in json.dumps(health)
    finally:
        sample_dev.postgres.start()
    wait_for_status(sample_dev, "users_db", "healthy")


def test_a_connector_that_is_registered_comes_up_by_itself(sample_dev: RunningDev, tmp_path: Path) -> None:
    file = f"path={tmp_path / 'late.duckdb'}"
    acme(sample_dev, "connectors", "add", "duckdb", "--name", "late-one", "--set", file)
    try:
        listed = wait_for_status(sample_dev, "late-one", "healthy")
        assert (listed["type"], listed["role"]) == ("duckdb", "destination")
        wait_for_asset(sample_dev, "late_one", there=True)
    finally:
        acme(sample_dev, "connectors", "delete", "late-one", "--yes")
    # The tests that come after this one see the sample as it was.
    wait_for_asset(sample_dev, "late_one", there=False)


def acme(running: RunningDev, *arguments: str) -> None:
    done = subprocess.run(
        [ACME, *arguments],
        cwd=running.workspace,
        env=os.environ | {"DAGSTER_HOME": str(running.home / "dagster")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def wait_for_asset(running: RunningDev, name: str, *, there: bool) -> None:
    """Return when Dagster's web UI has the connector's asset, or has it no more."""
    query = {"query": "{ assetNodes { assetKey { path } } }"}
    deadline = time.monotonic() + 180
    while True:
        data = requests.post(f"{running.ui_url}/graphql", json=query, timeout=30).json().get("data") or {}
        paths = [node["assetKey"]["path"] for node in data.get("assetNodes", [])]
        # While the location is loaded again there may be none at all.
        if paths and (["connectors", name] in paths) is there:
            return
        assert time.monotonic() < deadline, paths
        time.sleep(0.5)


def test_the_password_is_for_its_owner_alone_and_in_no_log(sample_dev: RunningDev) -> None:
    assert (sample_dev.home / "password").stat().st_mode & 0o777 == 0o600
    for log in (sample_dev.home / "logs").iterdir():
        assert sample_dev.postgres.password not in log.read_text()


def wait_for_status(running: RunningDev, name: str, status: str, timeout_s: float = 240) -> dict[str, Any]:
    """Return the connector's entry in the list when it has the status."""
    deadline = time.monotonic() + timeout_s
    while True:
        data = requests.get(f"{running.api_url}/api/v1/connectors", timeout=60).json()["data"]
        entry: dict[str, Any] = next(entry for entry in data if entry["name"] == name)
        if entry["status"] == status:
            return entry
        assert time.monotonic() < deadline, entry
        time.sleep(0.5)


def printed_commands(running: RunningDev) -> list[str]:
    """The commands in the output, each with its continuation lines."""
    lines = iter(running.output.splitlines())
    commands = []
    for line in lines:
        if line.startswith("curl "):
            while line.endswith("\\"):
                line = f"{line}\n{next(lines)}"
            commands.append(line)
    return commands


def run(command: str) -> str:
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
