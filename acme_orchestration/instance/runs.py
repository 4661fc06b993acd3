"""How far a run is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dagster import DagsterInstance

__all__ = ["RunState", "run_state"]


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    Attributes:
        job: The job's name.
        status: As Dagster calls it, e.g. ``STARTED``.
        created_at: When it was asked for, in UTC.
        started_at: When it began, or ``None``.
        ended_at: When it ended, or ``None``.
    """

    job: str
    status: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


def run_state(instance: DagsterInstance, run_id: str) -> RunState | None:
    """Return how far a run is, or ``None`` if there is none of this id."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return None
    return RunState(
        job=record.dagster_run.job_name,
        status=record.dagster_run.status.value,
        created_at=record.create_timestamp,
        started_at=_time(record.start_time),
        ended_at=_time(record.end_time),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
