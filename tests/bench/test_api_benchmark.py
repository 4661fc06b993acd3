"""The history that `python -m benchmarks.api` measures with is what the health sensor would have stored."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from acme_orchestration.instance import InstanceReader
from acme_orchestration.registry.entries import ConnectorEntry
from acme_sdk.health import HealthStatus
from benchmarks.api.history import fill, store
from tests.dagster_home import opened_instance


def test_the_history_reads_as_a_stored_one(tmp_path: Path) -> None:
    entries = [ConnectorEntry(name=name, type="parquet", role="destination") for name in ("a_db", "b_db")]
    with opened_instance(tmp_path / "home") as instance:
        fill(instance, {"a_db": 4, "b_db": 7})
        reader = InstanceReader(instance)

        for name, count in (("a_db", 4), ("b_db", 7)):
            times = [record.at for record in reader.history(name)]
            gaps = {after - before for after, before in itertools.pairwise(times)}
            assert gaps == {timedelta(minutes=30)}
            assert len(times) == count
            assert datetime.now(UTC) - times[0] < timedelta(minutes=10)
        assert {state.status for state in reader.states(entries).values()} == {HealthStatus.HEALTHY}

        store(instance, "a_db", HealthStatus.UNHEALTHY)
        assert reader.states(entries)["a_db"].status is HealthStatus.UNHEALTHY
