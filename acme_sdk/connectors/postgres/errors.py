"""From what psycopg raises to errors of ours: stable codes, no connection string, no password."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import psycopg

from acme_sdk.connectors.postgres.settings import PostgresSettings
from acme_sdk.errors import AcmeError, FatalError, RetriableError
from acme_sdk.secrets import Redactor

__all__ = ["Spot", "connect_errors", "query_errors"]


class _Kind(NamedTuple):
    """What a failure is called, what the engine does about it, and what its reader can do."""

    error: type[AcmeError]
    code: str
    message: str
    hint: str


_REFUSED = _Kind(
    RetriableError,
    "connect.refused",
    "the connection was refused",
    "check that the server runs and listens there",
)
_TIMEOUT = _Kind(
    RetriableError,
    "connect.timeout",
    "no answer within connect_timeout_s",
    "check host and port, and that no firewall drops the packets",
)
_STARTING = _Kind(
    RetriableError,
    "server.starting",
    "the server is starting, stopping or recovering",
    "try again in a moment",
)
_BUSY = _Kind(
    RetriableError,
    "server.busy",
    "the server has no free connection",
    "raise max_connections, or close idle ones",
)
_GONE = _Kind(
    RetriableError,
    "server.gone",
    "the server closed the connection",
    "look into the server's log: it was stopped, it crashed, or an administrator ended the session",
)
_AUTH = _Kind(FatalError, "auth.failed", "the server did not accept the user and password", "check both")
_DATABASE = _Kind(FatalError, "database.missing", "there is no such database", "check its name")
_PERMISSION = _Kind(
    FatalError, "permission.denied", "the user lacks a permission", "grant it, or use another user"
)
_READ_ONLY = _Kind(
    FatalError, "server.read_only", "the server takes no writes", "connect to the primary, not to a standby"
)

# libpq tells no SQLSTATE when a connection fails: its text is all there is. The first match counts.
_CONNECT_PATTERNS: tuple[tuple[str, _Kind], ...] = (
    (
        r"password authentication failed|no password supplied|role .* does not exist|authentication failed",
        _AUTH,
    ),
    (
        r"no pg_hba\.conf entry .*(no encryption|SSL off)",
        _Kind(
            FatalError,
            "tls.required",
            "the server asks for an encrypted connection",
            "set ssl.mode to require",
        ),
    ),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        _Kind(
            FatalError,
            "auth.failed",
            "the server's pg_hba.conf has no entry that lets this user in from here",
            "add one, or connect from an address that is let in",
        ),
    ),
    (r"database .* does not exist", _DATABASE),
    (
        r"does not match host name",
        _Kind(
            FatalError,
            "tls.host_mismatch",
            "the server's certificate is for another host name",
            "give the host by the name in the certificate",
        ),
    ),
    (
        r"certificate verify failed",
        _Kind(
            FatalError,
            "tls.untrusted",
            "the server's certificate is not signed by an authority that is trusted here",
            "give the authority's certificate as ssl.ca",
        ),
    ),
    (
        r"server does not support SSL",
        _Kind(
            FatalError,
            "tls.unsupported",
            "the server does not speak TLS",
            "turn TLS on in the server, or set ssl.mode to prefer for an unencrypted connection",
        ),
    ),
    (r"(starting up|shutting down|in recovery mode|not yet accepting connections)", _STARTING),
    (r"too many (clients|connections)|connection slots are reserved", _BUSY),
    (r"permission denied for database|not permitted to log in", _PERMISSION),
    (
        r"failed to resolve host|could not translate host name",
        _Kind(RetriableError, "dns.not_found", "the host name cannot be resolved", "check the host name"),
    ),
    (r"timeout expired", _TIMEOUT),
    (r"Connection refused", _REFUSED),
    (
        r"(Network is unreachable|No route to host)",
        _Kind(
            RetriableError, "connect.unreachable", "there is no way to the host", "check address and network"
        ),
    ),
    (
        r"invalid response to SSL negotiation|invalid response to GSSAPI|expected authentication request",
        _Kind(
            FatalError,
            "connect.not_postgres",
            "what answers there is no Postgres server",
            "check host and port",
        ),
    ),
    (r"server closed the connection unexpectedly|Connection reset", _GONE),
)

# By SQLSTATE, from the most particular to the most general prefix.
_QUERY_STATES: tuple[tuple[str, _Kind], ...] = (
    ("42501", _PERMISSION),
    ("25006", _READ_ONLY),
    (
        "57014",
        _Kind(
            RetriableError,
            "timeout",
            "the server cancelled the statement",
            "raise statement_timeout for the user",
        ),
    ),
    ("57P03", _STARTING),
    ("57", _GONE),
    ("08", _GONE),
    ("53300", _BUSY),
    (
        "53",
        _Kind(
            RetriableError,
            "server.out_of_resources",
            "the server is out of resources",
            "look at disk and memory",
        ),
    ),
    ("40", _Kind(RetriableError, "conflict", "another transaction was in the way", "try again")),
    (
        "55P03",
        _Kind(RetriableError, "conflict", "a lock was not given in time", "try again when the table is free"),
    ),
    (
        "42P01",
        _Kind(FatalError, "table.missing", "a table does not exist", "was it dropped or renamed meanwhile?"),
    ),
    ("22", _Kind(FatalError, "data.invalid", "a value does not fit its column", "look at the column named")),
    (
        "23",
        _Kind(FatalError, "data.constraint", "a row violates a constraint", "look at the constraint named"),
    ),
)
_OTHER = _Kind(FatalError, "postgres.error", "the server reported an error", "see the server's message")


@contextmanager
def connect_errors(settings: PostgresSettings) -> Iterator[None]:
    """Raise what goes wrong while connecting as an error of ours.

    Raises:
        RetriableError: The server may be there later.
        FatalError: It is there and refuses us, or we refuse it.
    """
    try:
        yield
    except (psycopg.Error, UnicodeError) as error:
        text = str(error)
        where = f"{settings.host}:{settings.port}"
        for pattern, kind in _CONNECT_PATTERNS:
            if re.search(pattern, text):
                raise kind.error(f"{where}: {kind.message}", code=kind.code, hint=kind.hint) from None
        reason = Redactor([settings.password]).redact(
            text.strip().splitlines()[-1] if text.strip() else "no reason"
        )
        raise RetriableError(f"{where}: cannot connect: {reason}", code="connect.failed") from None


# The other lines of a context may show values.
_COPIED = re.compile(r"^COPY .*?, line (?P<line>[0-9]+)(, column (?P<column>[^:\n]*))?", re.MULTILINE)


@dataclass(frozen=True)
class Spot:
    """Where among rows something is wrong, as far as it is known.

    Attributes:
        columns: Because of which columns.
        row: The row's number in the load; of a COPY of its own, the line's.
        batch: The number of its batch in the load.
    """

    columns: tuple[str, ...] = ()
    row: int | None = None
    batch: int | None = None

    @classmethod
    def of(cls, error: psycopg.Error) -> Spot:
        """Return what the server says."""
        copied = _COPIED.search(error.diag.context or "")
        name = (copied and copied["column"]) or error.diag.column_name
        return cls((name,) if name else (), int(copied["line"]) if copied else None)

    def __str__(self) -> str:
        names = ", ".join(map(repr, self.columns))
        columns = f", column{'s' if len(self.columns) > 1 else ''} {names}" if names else ""
        return columns + (f", row {self.row}" if self.row is not None else "")


@contextmanager
def query_errors(where: str, locate: Callable[[psycopg.Error], Spot] = Spot.of) -> Iterator[None]:
    """Raise what goes wrong on an open connection as an error of ours.

    Args:
        where: What was being done to what, for the message, e.g. ``stream orders``.
        locate: Says where among the rows it was.

    Raises:
        RetriableError: The connection was lost, or the server may be able later.
        FatalError: A retry would fail in the same way.
    """
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate
        if state is None and isinstance(error, psycopg.OperationalError):
            raise RetriableError(f"{where}: {_GONE.message}", code=_GONE.code, hint=_GONE.hint) from None
        kind = next((kind for prefix, kind in _QUERY_STATES if state and state.startswith(prefix)), _OTHER)
        detail = error.diag.message_primary or type(error).__name__
        spot = locate(error)
        suffix = f" (SQLSTATE {state})" if kind is _OTHER and state else ""
        message = f"{where}{spot}: {kind.message}: {detail}{suffix}"
        ours = kind.error(message, code=kind.code, hint=kind.hint)
        ours.batch = spot.batch
        raise ours from None
