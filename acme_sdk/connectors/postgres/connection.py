"""Opening a connection whose every parameter is ours."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import certifi
import psycopg
from psycopg import pq
from psycopg.pq import TransactionStatus

from acme_sdk.connectors.postgres.dialling import dial
from acme_sdk.connectors.postgres.errors import connect_errors
from acme_sdk.connectors.postgres.settings import VERIFYING_SSL_MODES, PostgresSettings
from acme_sdk.errors import ConfigurationError

__all__ = ["Connection", "connect", "interrupt"]

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_CANCEL_S = 5.0

# A path below a file can never exist: libpq then uses neither the file nor the one in the home directory.
_NO_FILE = os.devnull + "/none"
_SYSTEM_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")

# Values are exchanged as text: these settings fix how the server writes it, whatever the role's defaults are.
_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
}


def connect(
    settings: PostgresSettings, step: Callable[[str], None], *, statement_timeout_s: int | None = None
) -> Connection:
    """Open a connection in autocommit mode, its session speaking UTC, ISO dates and exact floats.

    ``PG*`` variables, password files and what lies in ``~/.postgresql`` take no part.

    Args:
        settings: Where and how.
        step: Told what is done; see `acme_sdk.connectors.postgres.dialling.dial`.
        statement_timeout_s: Seconds until a statement is cancelled; the role's own setting if not given.

    Raises:
        ConfigurationError: ``PGSERVICE`` is set, the one variable that libpq cannot be kept from following.
        AcmeError: There is no connection; see `acme_sdk.connectors.postgres.errors.connect_errors`.
    """
    if "PGSERVICE" in os.environ:
        raise ConfigurationError(
            "the environment variable PGSERVICE is set, and would have a say in where we connect",
            code="config.environment",
            hint="unset PGSERVICE where this connector runs",
        )
    session = dict(_SESSION)
    if statement_timeout_s is not None:
        session["statement_timeout"] = f"{statement_timeout_s}s"
    with connect_errors(settings), _trusted(settings) as authorities:
        parameters = _parameters(settings) | {"sslrootcert": authorities}
        connection = psycopg.Connection[tuple[Any, ...]](dial(parameters, settings.connect_timeout_s, step))
        connection.autocommit, connection.prepare_threshold = True, None
        try:
            calls = ", ".join(["pg_catalog.set_config(%s, %s, false)"] * len(session))
            connection.execute(f"SELECT {calls}", [text for pair in session.items() for text in pair])
        except BaseException:
            connection.close()
            raise
    return connection


def interrupt(connection: Connection) -> None:
    """Cancel what a connection is doing, if it is: whoever waits for that gets an error soon."""
    if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=_CANCEL_S)


def _parameters(settings: PostgresSettings) -> dict[str, Any]:
    # A parameter that is given, even as an empty text, is not taken from the environment.
    unused = {
        option.keyword.decode(): (option.compiled or b"").decode()
        for option in pq.Conninfo.parse(b"")
        if option.envvar and option.keyword != b"service"
    }
    ours = {
        "host": settings.host,
        "hostaddr": settings.hostaddr or "",
        "port": settings.port,
        "dbname": settings.database,
        "user": settings.user,
        "password": settings.password,
        "passfile": _NO_FILE,
        "connect_timeout": settings.connect_timeout_s,
        "application_name": settings.application_name,
        "client_encoding": "UTF8",
        "sslmode": settings.ssl_mode,
        "sslcert": _NO_FILE,
        "sslkey": _NO_FILE,
        "sslcertmode": "disable",
        "sslcrl": _NO_FILE,
        "gssencmode": "disable",
        # There is no word for "any method"; these two would use the tickets of whoever runs this.
        "require_auth": "!gss,!sspi",
        "min_protocol_version": "3.0",
        "max_protocol_version": "3.0",
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    # An older libpq does not know all of these; it then has nothing to be kept from either.
    known = {option.keyword.decode() for option in pq.Conninfo.parse(b"")}
    return unused | {key: value for key, value in ours.items() if key in known}


@contextmanager
def _trusted(settings: PostgresSettings) -> Iterator[str]:
    """Provide the file of the certificate authorities to trust, for as long as it takes to connect."""
    if settings.ssl_mode not in VERIFYING_SSL_MODES:
        yield _NO_FILE
    elif settings.ca is None:
        yield _system_ca_file()
    else:
        with tempfile.NamedTemporaryFile("w", prefix="acme_ca_", suffix=".pem") as file:
            file.write(settings.ca)
            file.flush()
            yield file.name


def _system_ca_file() -> str:
    # libpq's own "sslrootcert=system" is no way: it needs verify-full, and the OpenSSL that comes with
    # psycopg looks into the folder of the machine it was built on.
    known = (ssl.get_default_verify_paths().cafile, *_SYSTEM_CA_FILES)
    return next((path for path in known if path and Path(path).is_file()), certifi.where())
