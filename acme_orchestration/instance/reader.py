"""Reading the Dagster instance back: in which state each connector and pipeline is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Set
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from dagster import DagsterError, DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from acme_orchestration.instance.availability import Availability
from acme_orchestration.instance.cursor import HEALTH_SENSOR, checked_times
from acme_orchestration.instance.evaluation import CheckRecord
from acme_orchestration.instance.pipelines import PipelineState, held_back, pipeline_states
from acme_orchestration.instance.runs import RunState, run_state
from acme_orchestration.instance.states import ConnectorState, connector_state
from acme_orchestration.instance.stored import (
    HistoryMark,
    StoredCheck,
    check_ids,
    checks_of,
    history_ids,
    history_mark,
    history_since,
    last_checks,
)
from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry, by_dagster_name, translated
from acme_sdk.errors import ConfigurationError

__all__ = ["InstanceReader"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _asking(
    method: Callable[Concatenate[InstanceReader, _P], _T],
) -> Callable[Concatenate[InstanceReader, _P], _T]:
    """Have a method raise `InstanceUnavailableError` when the database is away."""

    @wraps(method)
    def asking(reader: InstanceReader, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with reader._availability.asked():
            return method(reader, *args, **kwargs)

    return asking


class InstanceReader:
    """Reads health checks out of a Dagster instance.

    All that ask its database raise an `InstanceUnavailableError` while that is away.

    Args:
        instance: The instance; it stays the caller's.
    """

    def __init__(self, instance: DagsterInstance) -> None:
        self._instance = instance
        self._availability = Availability()

    @classmethod
    def open(cls, dagster_home: Path | None = None) -> InstanceReader:
        """Open an instance for reading.

        Args:
            dagster_home: The folder that holds ``dagster.yaml``; by default what ``DAGSTER_HOME`` says.

        Raises:
            ConfigurationError: There is no such folder, or its ``dagster.yaml`` is wrong (code
                ``dagster.home``).
            InstanceUnavailableError: Its database does not answer.
        """
        if dagster_home is not None and not dagster_home.is_dir():
            raise ConfigurationError(f"there is no folder {dagster_home}", code="dagster.home")
        try:
            with Availability().asked():
                instance = (
                    DagsterInstance.from_config(str(dagster_home)) if dagster_home else DagsterInstance.get()
                )
        except DagsterError as error:
            raise ConfigurationError(
                f"the Dagster instance cannot be opened: {error}",
                code="dagster.home",
                hint="set DAGSTER_HOME to the folder that holds dagster.yaml, as an absolute path",
            ) from None
        return cls(instance)

    def states(
        self, entries: Collection[ConnectorEntry], now: datetime | None = None
    ) -> dict[str, ConnectorState]:
        """Return the state of each connector by its public name, with a fixed number of SQL statements.

        Args:
            entries: The connectors.
            now: The time to judge by, aware; the present by default.
        """
        now = now or datetime.now(UTC)
        latest = self.latest(entries)
        checked = self.checked()
        return {
            entry.name: connector_state(
                entry, latest.get(entry.name), checked.get(translated(entry.name)), now
            )
            for entry in entries
        }

    @_asking
    def pipelines(
        self, entries: Collection[PipelineEntry], now: datetime | None = None
    ) -> dict[str, PipelineState]:
        """Return how each pipeline is doing by its public name, with a fixed number of SQL statements.

        Args:
            entries: The pipelines.
            now: The time to judge by, aware; the present by default.
        """
        return pipeline_states(self._instance, entries, now or datetime.now(UTC))

    @_asking
    def held_back(self, schedules: Collection[str]) -> dict[str, datetime]:
        """Return which schedules last started nothing because of the source, and when that was."""
        return held_back(self._instance, schedules)

    def latest(self, entries: Collection[ConnectorEntry]) -> dict[str, CheckRecord]:
        """Return the last stored check by public name; one that is planned or running does not count."""
        shown = by_dagster_name(entries)
        found = self.last_checks(shown.keys())
        return {shown[name].name: check.record for name, check in found.items()}

    @_asking
    def last_checks(self, names: Set[str]) -> dict[str, StoredCheck]:
        """Return the last stored check of each connector, both by Dagster name; see `latest`."""
        return last_checks(self._event_log(), names)

    @_asking
    def check_ids(self) -> list[int]:
        """Return the ids of the newest 1,000 check events, in ascending order, whatever is before them."""
        return check_ids(self._event_log())

    @_asking
    def checks_of(self, ids: Collection[int]) -> dict[str, StoredCheck]:
        """Return the last stored check of each connector among these events, by Dagster name."""
        return checks_of(self._event_log(), ids)

    def checked(self) -> dict[str, datetime]:
        """Return when the health sensors checked each connector last, by Dagster name."""
        return checked_times(self.sensor_cursors())

    @_asking
    def sensor_cursors(self) -> list[str | None]:
        """Return the cursors of the health sensors, which change with each round of checks."""
        return [
            state.instigator_data.cursor
            for state in self._instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
            if state.instigator_name == HEALTH_SENSOR
            and isinstance(state.instigator_data, SensorInstigatorData)
        ]

    def history(self, name: str, limit: int = 20) -> list[CheckRecord]:
        """Return the last stored checks of a connector, newest first.

        Args:
            name: The connector's public name.
            limit: How many at most.
        """
        ids = self.history_ids(name, limit)
        records = self.history_since(name, ids[-1]).values() if ids else ()
        return sorted(records, key=lambda record: record.at, reverse=True)[:limit]

    @_asking
    def history_mark(self, name: str, limit: int) -> HistoryMark:
        """Return what is another one as soon as `history_ids` would return others."""
        try:
            return history_mark(self._event_log(), name, limit)
        except ConfigurationError:
            return 0, 0, 0  # Dagster cannot show a connector of such a name

    @_asking
    def history_ids(self, name: str, limit: int) -> list[int]:
        """Return the ids of the rows of a connector's last stored checks, the newest first."""
        try:
            return history_ids(self._event_log(), name, limit)
        except ConfigurationError:
            return []  # Dagster cannot show a connector of such a name

    @_asking
    def history_since(self, name: str, first: int) -> dict[int, CheckRecord]:
        """Return a connector's stored checks by the ids of their rows, from one row on."""
        return history_since(self._event_log(), name, first)

    @_asking
    def run(self, run_id: str) -> RunState | None:
        """Return how far a run is, or ``None`` if there is none of this id."""
        return run_state(self._instance, run_id)

    @_asking
    def kept(self, key: str) -> str | None:
        """Return the text that `keep` stored under a key, or ``None``."""
        return self._instance.daemon_cursor_storage.get_cursor_values({key}).get(key)

    @_asking
    def keep(self, key: str, text: str) -> None:
        """Store a text in the instance, in place of the one under the same key."""
        # One key at a time: of several, SQLite's storage drops new ones beside known ones.
        self._instance.daemon_cursor_storage.set_cursor_values({key: text})

    def _event_log(self) -> SqlEventLogStorage:
        storage = self._instance.event_log_storage
        assert isinstance(storage, SqlEventLogStorage)  # noqa: S101 - there is no other in the open-source Dagster
        return storage
