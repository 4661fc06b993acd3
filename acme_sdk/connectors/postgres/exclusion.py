"""One run of a stream at a time: an advisory lock of a session, which ends with its connection."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC

import psycopg

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.identifiers import advisory_key
from acme_sdk.exclusion import Holder, pipeline_busy

__all__ = ["hold_stream", "release_streams"]

# The session waits for as long as a sync takes, and a machine that is gone is noticed within two minutes. The
# run is in the session's name, for whoever comes second. Older servers do not have all of these settings.
_SESSION = """
    SELECT pg_catalog.set_config(name, value, false)
      FROM (VALUES ('idle_session_timeout', '0'), ('tcp_keepalives_idle', '60'),
                   ('tcp_keepalives_interval', '15'), ('tcp_keepalives_count', '4'),
                   ('application_name',
                    pg_catalog.left(pg_catalog.current_setting('application_name'), 20) || ' ' || %s)
           ) AS wanted (name, value)
     WHERE name IN (SELECT s.name FROM pg_catalog.pg_settings AS s)
"""
_HOLDER = """
    SELECT a.application_name, a.backend_start, a.pid, pg_catalog.host(a.client_addr)
      FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = a.datid
       AND a.datname = pg_catalog.current_database()
       AND l.classid::bigint = %s AND l.objid::bigint = %s
"""
_HALF = 0xFFFFFFFF
_NO_ANSWER_MS = 10_000


def hold_stream(connection: Connection, schema: str, pipeline: str, stream: str, run_id: str) -> None:
    """Keep other runs from a stream for as long as the connection lasts.

    Args:
        connection: A connection for this alone.
        schema: The destination's: another one has other checkpoints.
        pipeline: The pipeline.
        stream: Its stream.
        run_id: The run.

    Raises:
        RetriableError: Another run has it (code ``pipeline.busy``).
    """
    key = advisory_key("sync", schema, pipeline, stream)
    _limit_waiting(connection)
    connection.execute(_SESSION, (run_id,))
    row = connection.execute("SELECT pg_catalog.pg_try_advisory_lock(%s)", (key,)).fetchone()
    if not (row and row[0]):
        raise pipeline_busy(pipeline, stream, _holder(connection, key))


def release_streams(connection: Connection) -> None:
    """Let go of a connection's streams before it is closed, which the server may be slow to notice."""
    with suppress(psycopg.Error):  # then the connection is gone, and the lock with it
        connection.execute("SELECT pg_catalog.pg_advisory_unlock_all()")


def _limit_waiting(connection: Connection) -> None:
    """Do not wait for a network that is gone: to let go of the lock must not take longer than the sync."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it
    with socket.socket(fileno=os.dup(connection.fileno())) as opened:
        if option is not None and opened.family in (socket.AF_INET, socket.AF_INET6):
            opened.setsockopt(socket.IPPROTO_TCP, option, _NO_ANSWER_MS)


def _holder(connection: Connection, key: int) -> Holder | None:
    """Return who has a lock; the server tells roles with less rights less."""
    row = connection.execute(_HOLDER, (key >> 32 & _HALF, key & _HALF)).fetchone()
    if row is None:
        return None
    name, since, process, address = row
    return Holder(
        (name or "").rpartition(" ")[2],
        since.astimezone(UTC).isoformat(" ", "seconds") if since else "",
        f"server process {process}" + (f", from {address}" if address else ""),
    )
