"""What a query finds, as ``COPY … TO STDOUT (FORMAT binary)`` sends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from selectors import EVENT_READ, BaseSelector, DefaultSelector

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

BLOCK_BYTES = 4 << 20

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_FIXED_HEADER = len(SIGNATURE) + 8  # flags, and the length of what follows them
TRAILER = b"\xff\xff"

_WAIT_S = 1.0  # until a look whether somebody else closed the connection


def copy_out(connection: Connection, query: sql.Composable, where: str) -> Iterator[tuple[bytes, int]]:
    """Yield blocks of about 4 MiB of whole rows, and the number of rows in each; at least one, even if empty.

    Whoever stops before the end has to close the connection.

    Args:
        connection: Where to ask. Nothing else may be asked meanwhile.
        query: A ``SELECT``.
        where: The stream, for the error.

    Raises:
        psycopg.Error: The server refuses, or the connection is lost.
        FatalError: What comes is not the binary form of COPY (code ``data.invalid``).
    """
    command = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    connection.pgconn.send_query(command.as_bytes(connection))
    _expect(connection, execute, ExecStatus.COPY_OUT)
    with DefaultSelector() as selector:
        selector.register(connection.pgconn.socket, EVENT_READ)
        yield from _blocks(connection, selector, where)


def _blocks(connection: Connection, selector: BaseSelector, where: str) -> Iterator[tuple[bytes, int]]:
    # Each message is one row; but the first has the header in front of it, and the last one is the trailer.
    buffer = MessageBuffer()
    ended = _fill(buffer, connection, selector, 1)
    if rest := _without_header(buffer.take(), where):
        buffer.append(rest, BLOCK_BYTES)
    first = True
    while not ended:
        ended = _fill(buffer, connection, selector, BLOCK_BYTES)
        count, last = buffer.count, buffer.last
        rows = buffer.take()
        if last == len(TRAILER) and rows.endswith(TRAILER):
            rows, count = rows[: -len(TRAILER)], count - 1
        if count or first:
            yield rows, count
        first = False


def _fill(buffer: MessageBuffer, connection: Connection, selector: BaseSelector, enough: int) -> bool:
    """Wait until there are enough bytes, or all; tell whether these are all.

    Nobody waits inside of libpq, where the interpreter's lock would be held.
    """
    pgconn = connection.pgconn
    while not (state := buffer.fill(pgconn.get_copy_data, enough)):
        selector.select(_WAIT_S)
        pgconn.consume_input()
    if state < 0:
        _expect(connection, fetch_many, ExecStatus.COMMAND_OK)
    return state < 0


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
