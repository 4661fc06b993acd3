"""The connections of one connector: those at work, and those that wait for more of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg

from acme_sdk.connectors.postgres.connection import Connection, connect, interrupt
from acme_sdk.connectors.postgres.settings import PostgresSettings
from acme_sdk.errors import AcmeError

__all__ = ["Sessions"]


class Sessions:
    """Opens connections, and closes all that were opened at the end.

    To open one, and to make its server process acquainted with the catalog, takes as long as to copy some
    thousand rows. So the next question is asked by the connection of the last one.

    Args:
        settings: Where and how.
        step: Told what is done while one is opened; see `connect`.
    """

    def __init__(self, settings: PostgresSettings, step: Callable[[str], None]) -> None:
        self._settings = settings
        self._step = step
        self._open: set[Connection] = set()
        self._waiting: deque[Future[Connection]] = deque()

    def new(self, statement_timeout_s: int | None = None) -> Connection:
        """Open a connection; see `connect`."""
        connection = connect(self._settings, self._step, statement_timeout_s=statement_timeout_s)
        self._open.add(connection)
        return connection

    def take(self) -> Connection:
        """Return a connection that waits and still answers, or else a new one."""
        while waiting := self._next():
            with suppress(AcmeError, psycopg.Error):
                connection = waiting.result()
                connection.execute("SELECT")
                return connection
        return self.new()

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """A connection for some questions, which then waits for others; after a failure it is closed."""
        connection = self.take()
        try:
            yield connection
        except BaseException:
            self.close(connection)
            raise
        waiting: Future[Connection] = Future()
        waiting.set_result(connection)
        self._waiting.append(waiting)

    def open_ahead(self, count: int) -> None:
        """Begin to open connections that are taken soon, while something else is done; so many will wait.

        That one cannot be opened shows when it is taken.
        """
        missing = count - len(self._waiting)
        if missing > 0:
            threads = ThreadPoolExecutor(missing, thread_name_prefix="acme-connect")
            self._waiting.extend(threads.submit(self.new) for _ in range(missing))
            threads.shutdown(wait=False)

    def close(self, connection: Connection) -> None:
        """Close a connection, whatever it is doing."""
        self._open.discard(connection)
        # A server that is busy with a statement would not notice before it has something to send.
        interrupt(connection)
        connection.close()

    def close_all(self) -> None:
        """Close all connections, whatever they are doing."""
        for waiting in self._waiting:
            with suppress(AcmeError):  # there is none, then
                waiting.result()
        for connection in list(self._open):
            self.close(connection)

    def _next(self) -> Future[Connection] | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None
