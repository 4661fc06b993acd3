"""Following the states of many connectors, over a real Dagster instance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from dagster import DagsterInstance
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acme_orchestration.instance import CheckRecord, InstanceReader, stale_after
from acme_orchestration.instance.evaluation import evaluation_of
from acme_orchestration.instance.following import HistoryFollower, StateFollower
from tests.orchestration.test_instance import (
    HEALTHY,
    NOW,
    REFUSED,
    counted_statements,
    entry,
    keep_cursor,
    store,
)

NAMES = ("users_db", "order-lines", "analytics")


@pytest.fixture
def reader(instance: DagsterInstance) -> InstanceReader:
    return InstanceReader(instance)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("check"), st.sampled_from(NAMES), st.sampled_from([HEALTHY, REFUSED])),
        st.tuples(st.just("wait"), st.integers(1, 200)),
        st.tuples(st.just("look")),
        st.tuples(st.just("connectors"), st.sets(st.sampled_from(NAMES))),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_says_what_the_reader_says(instance: DagsterInstance, reader: InstanceReader, steps: list) -> None:
    follower, now = StateFollower(reader), NOW
    connectors = {name: entry(name) for name in NAMES}
    for step in [*steps, ("look",)]:
        match step:
            case "check", name, report:
                store(instance, name, report, now)
            case "wait", seconds:
                now += timedelta(seconds=seconds)
            case ("look",):
                assert follower.states(connectors, now) == reader.states(connectors.values(), now)
            case "connectors", names:
                connectors = {name: entry(name) for name in NAMES if name in names}


def test_nothing_new_costs_one_look_at_the_events_and_makes_no_new_states(
    instance: DagsterInstance, reader: InstanceReader
) -> None:
    connectors = {name: entry(name) for name in NAMES}
    for name in NAMES:
        store(instance, name, HEALTHY, NOW)
    follower = StateFollower(reader)
    before = follower.states(connectors, NOW)

    with counted_statements() as statements:
        assert follower.states(connectors, NOW) is before

    about_checks = [text for text in statements if "event_logs" in text or "asset_check" in text]
    assert len(about_checks) == 1
    assert len(statements) <= 5


def test_a_state_becomes_unknown_by_time_alone(instance: DagsterInstance, reader: InstanceReader) -> None:
    connectors = {"users_db": entry("users_db")}
    store(instance, "users_db", HEALTHY, NOW)
    follower = StateFollower(reader)
    until = NOW + stale_after(connectors["users_db"])

    seen = [follower.states(connectors, now)["users_db"].status.value for now in (NOW, until)]
    seen.append(follower.states(connectors, until + timedelta(seconds=1))["users_db"].status.value)
    seen.append(follower.states(connectors, NOW)["users_db"].status.value)  # the clock was moved back

    assert seen == ["healthy", "healthy", "unknown", "healthy"]


def test_what_is_known_becomes_too_old_and_follows_the_workspace(
    instance: DagsterInstance, reader: InstanceReader
) -> None:
    connectors = {"users_db": entry("users_db")}
    store(instance, "users_db", HEALTHY, NOW)
    follower = StateFollower(reader)
    follower.states(connectors, NOW)

    later = NOW + stale_after(connectors["users_db"]) + timedelta(seconds=1)
    with counted_statements() as statements:
        assert follower.known(connectors, NOW)["users_db"].status.value == "healthy"
        assert follower.known(connectors, later)["users_db"].status.value == "unknown"
        more = {"users_db": entry("users_db", disabled=True), "analytics": entry("analytics")}
        states = follower.known(more, NOW)

    assert [state.status.value for state in states.values()] == ["disabled", "unknown"]
    assert statements == []


def test_a_sensors_cursor_tells_newer_checks(instance: DagsterInstance, reader: InstanceReader) -> None:
    connectors = {"users_db": entry("users_db")}
    store(instance, "users_db", HEALTHY, NOW)
    follower = StateFollower(reader)
    follower.states(connectors, NOW)

    keep_cursor(instance, {"users_db": NOW + timedelta(seconds=60)})

    assert follower.states(connectors, NOW)["users_db"].last_check == NOW + timedelta(seconds=60)


def test_an_event_with_a_lower_id_that_comes_late_is_not_missed(
    instance: DagsterInstance, reader: InstanceReader
) -> None:
    """On Postgres ids are given before the transactions commit."""
    connectors = {name: entry(name) for name in NAMES}
    events = SqlEventLogStorageTable
    store(instance, "users_db", HEALTHY, NOW)
    store(instance, "analytics", HEALTHY, NOW)
    storage = instance.event_log_storage
    with storage.index_connection() as connection:  # type: ignore[attr-defined] # of SQL
        newest = sa.select(sa.func.max(events.c.id))
        moved = sa.update(events).where(events.c.id == newest.scalar_subquery()).values(id=500)
        connection.execute(moved)
    follower = StateFollower(reader)
    follower.states(connectors, NOW)
    store(instance, "order-lines", REFUSED, NOW)
    with storage.index_connection() as connection:  # type: ignore[attr-defined] # of SQL
        connection.execute(sa.update(events).where(events.c.id == 501).values(id=400))

    assert follower.states(connectors, NOW)["order-lines"].report == REFUSED


def test_more_new_checks_than_the_ids_tell(instance: DagsterInstance, reader: InstanceReader) -> None:
    connectors = {"users_db": entry("users_db")}
    follower = StateFollower(reader)
    store(instance, "users_db", HEALTHY, NOW)
    follower.states(connectors, NOW)
    store(instance, "users_db", REFUSED, NOW)
    events = SqlEventLogStorageTable
    other = evaluation_of("other", CheckRecord(datetime.now(UTC), HEALTHY, NOW))
    instance.report_runless_asset_event(other)
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined] # of SQL
        columns = [column for column in events.c if column.name != "id"]
        last = connection.execute(sa.select(*columns).order_by(events.c.id.desc()).limit(1)).mappings().one()
        connection.execute(sa.insert(events), [dict(last)] * 1100)

    assert follower.states(connectors, NOW)["users_db"].report == REFUSED


def test_a_history_is_read_once(instance: DagsterInstance, reader: InstanceReader) -> None:
    follower = HistoryFollower(reader, limit=3, kept=1)
    for minute in range(5):
        store(instance, "users_db", HEALTHY if minute % 2 else REFUSED, NOW + timedelta(minutes=minute))
        store(instance, "analytics", HEALTHY, NOW)
        assert follower.history("users_db") == reader.history("users_db", limit=3)

    with counted_statements() as statements:
        assert len(follower.history("users_db")) == 3
    assert len(statements) == 1

    assert follower.history("analytics") == reader.history("analytics", limit=3)
    with counted_statements() as statements:
        follower.history("users_db")
    assert len(statements) == 3
    assert follower.history("no such name") == []
