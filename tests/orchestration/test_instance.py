from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from dagster import (
    AssetCheckEvaluation,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
)
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.events.log import EventLogEntry
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from acme_orchestration.instance import CheckRecord, ConnectorState, InstanceReader, stale_after
from acme_orchestration.instance.cursor import HEALTH_SENSOR, write_cursor
from acme_orchestration.instance.evaluation import evaluation_of, next_record
from acme_orchestration.naming import connector_key
from acme_orchestration.registry.entries import ConnectorEntry
from acme_sdk.errors import ConfigurationError
from acme_sdk.health import HealthReport, HealthStatus

NOW = datetime(2026, 2, 15, 10, 28, tzinfo=UTC)
HEALTHY = HealthReport(HealthStatus.HEALTHY, latency_ms=12, server_version="PostgreSQL 18.1")
REFUSED = HealthReport(
    HealthStatus.UNHEALTHY, code="connect.refused", message="refused", hint="start it", details={"port": 5432}
)


def entry(name: str, **fields: object) -> ConnectorEntry:
    return ConnectorEntry.model_validate({"name": name, "type": "postgres", "role": "source", **fields})


@pytest.fixture
def reader(instance: DagsterInstance) -> InstanceReader:
    return InstanceReader(instance)


def store(instance: DagsterInstance, name: str, report: HealthReport, at: datetime) -> CheckRecord:
    previous = InstanceReader(instance).latest([entry(name)]).get(name)
    record = next_record(report, at, previous)
    instance.report_runless_asset_event(evaluation_of(name, record))
    return record


def state_of(reader: InstanceReader, connector: ConnectorEntry, now: datetime = NOW) -> ConnectorState:
    return reader.states([connector], now)[connector.name]


def keep_cursor(instance: DagsterInstance, checked: dict[str, datetime]) -> None:
    """Store a sensor's cursor, as the daemon does."""
    location = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(python_file="x.py"), container_image=None, entry_point=None, location_name="acme"
    )
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), HEALTH_SENSOR)
    instance.add_instigator_state(
        InstigatorState(
            origin,
            InstigatorType.SENSOR,
            InstigatorStatus.RUNNING,
            SensorInstigatorData(cursor=write_cursor(checked)),
        )
    )


def test_what_was_never_checked_is_unknown(reader: InstanceReader) -> None:
    assert state_of(reader, entry("users_db")) == ConnectorState(HealthStatus.UNKNOWN)


def test_a_report_comes_back_as_it_was_stored(instance: DagsterInstance, reader: InstanceReader) -> None:
    store(instance, "users-db", REFUSED, NOW)
    assert state_of(reader, entry("users-db")) == ConnectorState(HealthStatus.UNHEALTHY, NOW, NOW, REFUSED)


def test_since_is_the_beginning_of_the_state(instance: DagsterInstance, reader: InstanceReader) -> None:
    for minutes, report in ((50, REFUSED), (40, HEALTHY), (30, HEALTHY), (0, HEALTHY)):
        store(instance, "users_db", report, NOW - timedelta(minutes=minutes))
    state = state_of(reader, entry("users_db"))
    assert state.since == NOW - timedelta(minutes=40)
    assert state.last_check == NOW
    history = reader.history("users_db", limit=3)
    assert [record.at for record in history] == [NOW - timedelta(minutes=m) for m in (0, 30, 40)]
    assert [record.report for record in history] == [HEALTHY, HEALTHY, HEALTHY]


def test_an_old_check_says_nothing_any_more(instance: DagsterInstance, reader: InstanceReader) -> None:
    connector = entry("users_db", check_interval_s=60, check_timeout_s=15)
    store(instance, "users_db", HEALTHY, NOW)
    assert stale_after(connector) == timedelta(seconds=135)
    assert state_of(reader, connector, NOW + timedelta(seconds=135)).status is HealthStatus.HEALTHY
    stale = state_of(reader, connector, NOW + timedelta(seconds=136))
    assert stale.status is HealthStatus.UNKNOWN
    assert stale.since == NOW + timedelta(seconds=135)
    assert stale.last_check == NOW
    assert stale.report == HEALTHY


def test_the_sensors_cursor_counts_as_a_check(instance: DagsterInstance, reader: InstanceReader) -> None:
    store(instance, "users-db", HEALTHY, NOW - timedelta(minutes=20))
    keep_cursor(instance, {"users_db": NOW - timedelta(seconds=5)})
    state = state_of(reader, entry("users-db"))
    assert state.status is HealthStatus.HEALTHY
    assert state.since == NOW - timedelta(minutes=20)
    assert state.last_check == NOW - timedelta(seconds=5)


def test_a_planned_check_hides_nothing(instance: DagsterInstance, reader: InstanceReader) -> None:
    store(instance, "users_db", HEALTHY, NOW)
    planned = AssetCheckEvaluationPlanned(asset_key=connector_key("users_db"), check_name="health")
    instance.event_log_storage.store_event(
        EventLogEntry(
            error_info=None,
            level="debug",
            user_message="",
            run_id="00000000-0000-0000-0000-000000000001",
            timestamp=NOW.timestamp() + 1,
            dagster_event=DagsterEvent(
                DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value, "job", event_specific_data=planned
            ),
        )
    )
    assert state_of(reader, entry("users_db")).status is HealthStatus.HEALTHY
    assert len(reader.history("users_db")) == 1


def test_disabled_and_broken_entries(instance: DagsterInstance, reader: InstanceReader) -> None:
    assert state_of(reader, entry("resting", disabled=True)).status is HealthStatus.DISABLED

    broken = entry("users_db", fault="connectors.users_db.role: is required, but missing")
    store(instance, "users_db", HEALTHY, NOW)
    state = state_of(reader, broken)
    assert state.status is HealthStatus.UNHEALTHY
    assert state.report is not None
    assert state.report.code == "config.invalid"
    assert state.report.message == broken.fault


def test_an_entry_that_dagster_cannot_show_has_a_state(reader: InstanceReader) -> None:
    broken = ConnectorEntry.model_construct(name="no such name", type="x", role="source", fault="its name")
    assert state_of(reader, broken).status is HealthStatus.UNHEALTHY
    assert reader.history("no such name") == []


def test_checks_of_others_are_read_as_far_as_they_go(
    instance: DagsterInstance, reader: InstanceReader
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    instance.report_runless_asset_event(
        AssetCheckEvaluation(connector_key("users_db"), "health", passed=False, description="by hand")
    )
    state = state_of(reader, entry("users_db"), datetime.now(UTC))
    assert (state.status, state.report.message if state.report else None) == (
        HealthStatus.UNHEALTHY,
        "by hand",
    )
    assert state.last_check is not None
    assert before <= state.last_check <= datetime.now(UTC)


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("PRAGMA"):
            statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_the_number_of_statements_does_not_grow(instance: DagsterInstance, reader: InstanceReader) -> None:
    connectors = [entry(f"c{i}") for i in range(30)]
    for connector in connectors:
        store(instance, connector.name, HEALTHY, NOW)
    reader.states(connectors)  # opens the connections
    counts = []
    for some in (connectors[:1], connectors):
        with counted_statements() as statements:
            states = reader.states(some, NOW)
        counts.append(len(statements))
        assert {state.status for state in states.values()} == {HealthStatus.HEALTHY}
    assert counts[0] == counts[1] <= 5


def test_a_state_is_found_beyond_the_end_of_the_table(
    instance: DagsterInstance, reader: InstanceReader
) -> None:
    """The newest rows are all of another check, more than are read at once."""
    for report in (HEALTHY, REFUSED):
        store(instance, "users_db", report, NOW)
    values = {"asset_key": '["x"]', "check_name": "other", "execution_status": "SUCCEEDED"}
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined] # of SQL
        connection.execute(sa.insert(AssetCheckExecutionsTable), [values] * 1100)
    assert state_of(reader, entry("users_db")).report == REFUSED


def test_no_home_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(ConfigurationError, match="DAGSTER_HOME"):
        InstanceReader.open()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="nowhere"):
        InstanceReader.open()
    with pytest.raises(ConfigurationError, match="not_there"):
        InstanceReader.open(tmp_path / "not_there")
