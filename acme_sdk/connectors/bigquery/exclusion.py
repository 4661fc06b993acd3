"""One run of a stream at a time: a table that is there while a run has the stream, with a lease.

BigQuery makes a table only once, whoever asks for it at the same time, and changes it only for who knows its
state (its ``etag``). Neither is a query: it costs nothing, and streams do not wait for each other's locks, as
they would for rows of one table. (`MERGE` would not do: two that only insert do not conflict.)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from google.cloud import bigquery

from acme_sdk.connectors.bigquery.names import digest
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.errors import AcmeError
from acme_sdk.exclusion import Holder, pipeline_busy

__all__ = ["LOCK_PREFIX", "held_stream"]

#: How the names of lock tables begin.
LOCK_PREFIX = "_acme_lock_"

# A lease outlives three renewals that fail.
_RENEWALS = 4


@dataclass(frozen=True)
class _Lease:
    """What a lock's table says in its description.

    Attributes:
        token: Tells this attempt from all others.
        holder: The run, for people.
        seconds: How long after the table was made the lease ends: a time of BigQuery's own clock.
    """

    token: str
    holder: Holder
    seconds: float

    @classmethod
    def of(cls, table: bigquery.Table) -> _Lease | None:
        try:
            values = json.loads(table.description)
            return cls(values["token"], Holder(**values["holder"]), float(values["seconds"]))
        except (ValueError, TypeError, KeyError):
            return None  # somebody else's text

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    def end(self, table: bigquery.Table) -> datetime:
        return _made(table) + timedelta(seconds=self.seconds)


@contextmanager
def held_stream(
    warehouse: Warehouse, pipeline: str, stream: str, run_id: str, lease_s: int
) -> Iterator[None]:
    """Keep other runs from a stream for the time of a ``with`` block.

    The lease is renewed by a thread. A run that loses it goes on, and publishes nothing if it was overtaken.

    Args:
        warehouse: Where the lock's table is made.
        pipeline: The pipeline.
        stream: Its stream.
        run_id: The run.
        lease_s: Seconds after which the stream is free if the process died.

    Raises:
        RetriableError: Another run has it (code ``pipeline.busy``).
    """
    lock = _Lock(warehouse, LOCK_PREFIX + digest(pipeline, stream), run_id, lease_s)
    if (other := lock.acquire()) is not None:
        raise pipeline_busy(pipeline, stream, other)
    ended = threading.Event()
    renewal = threading.Thread(target=lock.keep, args=(ended,), name="acme-lease", daemon=True)
    renewal.start()
    try:
        yield
    finally:
        ended.set()
        renewal.join()
        lock.release()


class _Lock:
    """A lock's table, and the lease on it."""

    def __init__(self, warehouse: Warehouse, name: str, run_id: str, lease_s: int) -> None:
        self._warehouse = warehouse
        self._table = warehouse.dataset.table(name)
        self._lease = _Lease(uuid4().hex, Holder.present(run_id), lease_s)
        self._lease_s = lease_s
        self._began = 0.0  # the lease's seconds count from here, by our monotonic clock

    def acquire(self) -> Holder | None:
        """Take the lock, or return who has it."""
        while True:
            self._began = time.monotonic()
            if self._warehouse.create_described(self._table, str(self._lease)):
                return None
            table = self._warehouse.find(self._table)
            if table is not None:  # otherwise whoever had it has just ended
                return self._take_over(table)

    def keep(self, ended: threading.Event) -> None:
        """Renew the lease until the end, or until somebody else has it."""
        while not ended.wait(self._lease_s / _RENEWALS):
            # What fails now may go well the next time.
            with suppress(AcmeError):
                if not self._renew():
                    return

    def release(self) -> None:
        """Remove the lock's table, unless somebody else has taken it."""
        with suppress(AcmeError):  # then the lease ends by itself
            if self._own() is not None:
                self._warehouse.drop(self._table)

    def _take_over(self, table: bigquery.Table) -> Holder | None:
        held = _Lease.of(table)
        if held is not None and held.token == self._lease.token:
            return None  # we have made it, and the answer got lost
        now = self._warehouse.now()
        if held is not None and now < held.end(table):
            return _shown(held, table)
        passed = (now - _made(table)).total_seconds()
        self._began = time.monotonic() - passed
        self._lease = replace(self._lease, seconds=passed + self._lease_s)
        # It fails if somebody else was faster.
        return None if self._warehouse.describe(table, str(self._lease)) else Holder()

    def _renew(self) -> bool:
        table = self._own()
        if table is None:
            return False
        self._lease = replace(self._lease, seconds=time.monotonic() - self._began + self._lease_s)
        # If it was changed after all, the next time shows by whom.
        self._warehouse.describe(table, str(self._lease))
        return True

    def _own(self) -> bigquery.Table | None:
        table = self._warehouse.find(self._table)
        held = _Lease.of(table) if table is not None else None
        return table if held is not None and held.token == self._lease.token else None


def _shown(lease: _Lease, table: bigquery.Table) -> Holder:
    end = lease.end(table).isoformat(" ", "seconds")
    return replace(lease.holder, process=f"{lease.holder.process}; its lease ends at {end} if it died")


def _made(table: bigquery.Table) -> datetime:
    made: datetime | None = table.created
    assert made is not None, "BigQuery tells it of every table"  # noqa: S101
    return made
