"""What queries find, as ``COPY … TO STDOUT (FORMAT binary)`` sends it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from selectors import EVENT_READ, DefaultSelector

from psycopg import sql
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.generators import execute, fetch_many
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.messages import MessageBuffer
from acme_sdk.errors import FatalError

__all__ = ["SIGNATURE", "TRAILER", "copy_out"]

BLOCK_BYTES = 1 << 20

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_FIXED_HEADER = len(SIGNATURE) + 8  # flags, and the length of what follows them
TRAILER = b"\xff\xff"

_WAIT_S = 1.0  # until a look whether somebody else closed the connection
_SLOW = 2.0  # times as long as for whoever takes the rows


def copy_out(
    connections: Iterator[Connection], queries: Iterable[sql.Composable], where: str
) -> Iterator[tuple[bytes, int]]:
    """Yield blocks of about 1 MiB of whole rows, and the number of rows in each; at least one, even if empty.

    Whoever stops before the end has to close the connections.

    Args:
        connections: Where to ask; nothing else may be asked of them meanwhile. The first one is used at once,
            another one when a query has ended and the server is what is waited for.
        queries: One ``SELECT`` or more; each goes to the next connection that is free.
        where: The stream, for the error.

    Raises:
        psycopg.Error: The server refuses, or a connection is lost.
        FatalError: What comes is not the binary form of COPY (code ``data.invalid``).
    """
    waiting = deque(queries)
    first = True
    with _Waiting() as server:
        copies = [server.begin(_Copy(next(connections), where), waiting.popleft())]
        while copies:
            has_room = False
            for copy in list(copies):
                while block := copy.block():
                    if block[1] or first:
                        yield block
                    first = False
                    if copy.has_ended and waiting:
                        copy.begin(waiting.popleft())
                        has_room = bool(waiting) and server.is_slow
                    elif copy.has_ended:
                        copies.remove(server.end(copy))
            if has_room and (another := next(connections, None)):
                copies.append(server.begin(_Copy(another, where), waiting.popleft()))
            elif copies:
                server.wait()
                for copy in copies:
                    copy.receive()


class _Waiting:
    """Waits for what the server sends, and knows how much of the time that took."""

    def __init__(self) -> None:
        self._selector = DefaultSelector()
        self._began = time.monotonic() - time.thread_time()
        self._waited = 0.0

    @property
    def is_slow(self) -> bool:
        """Whether this thread has waited for the server, and hardly for whoever takes the rows."""
        idle = time.monotonic() - time.thread_time() - self._began
        return self._waited > _SLOW * (idle - self._waited)

    def begin(self, copy: _Copy, query: sql.Composable) -> _Copy:
        """Let a COPY begin, and wait for it, too."""
        copy.begin(query)
        self._selector.register(copy.pgconn.socket, EVENT_READ)
        return copy

    def end(self, copy: _Copy) -> _Copy:
        """Wait for this one no more."""
        self._selector.unregister(copy.pgconn.socket)
        return copy

    def wait(self) -> None:
        """Wait until something comes, or it is time for a look whether somebody closed a connection.

        Nobody waits inside of libpq, where the interpreter's lock would be held.
        """
        began = time.monotonic()
        self._selector.select(_WAIT_S)
        self._waited += time.monotonic() - began

    def __enter__(self) -> _Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()


class _Copy:
    """A COPY on a connection, and when it has ended, the next one."""

    def __init__(self, connection: Connection, where: str) -> None:
        self.pgconn = connection.pgconn
        self.has_ended = False
        self._connection = connection
        self._where = where
        self._buffer = MessageBuffer()

    def begin(self, query: sql.Composable) -> None:
        """Begin with a query."""
        command = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
        self.pgconn.send_query(command.as_bytes(self._connection))
        _expect(self._connection, execute, ExecStatus.COPY_OUT)
        self._has_header = True
        self.has_ended = False

    def receive(self) -> None:
        """Take in what the server has sent."""
        # libpq takes what its buffer has room for, 16 KiB at first. When it is asked once more while that is
        # full, it makes it larger: until it holds all that comes at once.
        self.pgconn.consume_input()
        self.pgconn.consume_input()

    def block(self) -> tuple[bytes, int] | None:
        """Return the next rows and their number, if enough are there, or these are the last."""
        # Each message is one row; but the first has the header in front of it, and the last is the trailer.
        buffer = self._buffer
        if self._has_header:
            if not self._fill(1):
                return None
            self._has_header = False
            if rest := _without_header(buffer.take(), self._where):
                buffer.append(rest, BLOCK_BYTES)
        if self.has_ended or not self._fill(BLOCK_BYTES):
            return None
        count, last = buffer.count, buffer.last
        rows = buffer.take()
        if last == len(TRAILER) and rows.endswith(TRAILER):
            rows, count = rows[: -len(TRAILER)], count - 1
        return rows, count

    def _fill(self, enough: int) -> bool:
        """Take what is there; tell whether these are enough bytes, or all."""
        state = self._buffer.fill(self.pgconn.get_copy_data, enough)
        if state < 0:
            _expect(self._connection, fetch_many, ExecStatus.COMMAND_OK)
            self.has_ended = True
        return state != 0


def _expect(
    connection: Connection, results: Callable[[PGconn], PQGen[list[PGresult]]], status: ExecStatus
) -> None:
    result = connection.wait(results(connection.pgconn))[-1]
    if result.status != status:
        raise error_from_result(result)


def _without_header(message: bytes, where: str) -> bytes:
    extension = int.from_bytes(message[_FIXED_HEADER - 4 : _FIXED_HEADER], "big")
    if not message.startswith(SIGNATURE) or len(message) < _FIXED_HEADER + extension:
        raise FatalError(f"{where}: the server's answer is not the binary form of COPY", code="data.invalid")
    return message[_FIXED_HEADER + extension :]
