"""The registry's database: where it is, its tables brought up to date, transactions that read or write."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from acme_orchestration.registry.document import Stamp, stamp_of
from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_sdk.errors import ConfigurationError

__all__ = ["SCHEMA", "RegistryDatabase"]

#: The last of the migrations, which these modules were written for.
SCHEMA = "0003"

# Any number will do, so long as nobody else takes it for a lock in the same database.
_LOCK = 4_772_386_101
_WAIT_S = 10
# Longer than the steps in which file systems keep times; the coarsest are two seconds.
_SETTLED_NS = 2_500_000_000
# As Postgres calls it.
_DISK_FULL = "53100"


class RegistryDatabase:
    """A SQLite file, which is made when something is registered first, or a Postgres database.

    Args:
        url: ``sqlite:////path/to/file`` or ``postgresql://user:password@host/database``.

    Raises:
        ConfigurationError: It is neither (code ``registry.url``).
    """

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self._engine = _engine(self._url)
        is_file = self._url.get_backend_name() == "sqlite"
        self._file = Path(str(self._url.database)) if is_file else None
        # Where SQLite keeps changes in its WAL mode, which somebody may have turned on.
        self._log = Path(f"{self._url.database}-wal") if is_file else None
        self._lock = threading.Lock()
        self._migrated = False

    @property
    def exists(self) -> bool:
        """Whether there is a database to look into; asks no server."""
        return self._file is None or self._file.exists()

    def __str__(self) -> str:
        """Where it is, without a password."""
        return str(self._file or self._url.set(query={}).render_as_string(hide_password=True))

    def stamp(self) -> Stamp:
        """Return what is another one after each change of the tables.

        Returns:
            The stamp of its file; ``None`` if the database itself has to be asked: it is on a server, its
            changes are in another file first, or the last one is so recent that the next might have its time.
        """
        if self._file is None or self._log is None:
            return None
        stamp = stamp_of(self._file)
        is_settled = stamp is not None and stamp[0] < time.time_ns() - _SETTLED_NS
        return stamp if is_settled and not self._log.exists() else None

    def close(self) -> None:
        """Close all connections, as a process does before it forks; a later transaction opens others."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a transaction that sees one state of the tables.

        Raises:
            RegistryUnavailableError: The database cannot be reached or read.
        """
        with self._explaining(), self._connection(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open a transaction that is the only one to write, and commit it at the end of the block.

        One at a time: what a registration is checked against does not change until it is stored, and changes
        are committed in the order of their ids.

        Raises:
            RegistryUnavailableError: The database cannot be reached or written; with the code
                ``registry.full`` its disk is full.
        """
        with self._explaining(), self._connection(writes=True) as connection:
            yield connection

    @contextmanager
    def _connection(self, *, writes: bool) -> Iterator[sa.Connection]:
        self._bring_up_to_date()
        with self._engine.connect() as connection:
            connection.execution_options(writes=writes)
            if connection.dialect.name == "postgresql":
                # A reader sees one state; a writer, alone as it is, what was committed while it waited.
                connection.execution_options(
                    isolation_level="READ COMMITTED" if writes else "REPEATABLE READ"
                )
            with connection.begin():
                if writes:
                    _wait_for_the_lock(connection)
                yield connection

    def _bring_up_to_date(self) -> None:
        with self._lock:
            if self._migrated and self.exists:
                return
            with self._engine.connect() as connection, connection.begin():
                current = _schema(connection)
            if current != SCHEMA:
                self._migrate()
            self._migrated = True

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "acme_orchestration.registry:migrations")
        with self._engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                # Whoever comes second finds nothing left to do.
                _wait_for_the_lock(connection)
                config.attributes["connection"] = connection
                try:
                    command.upgrade(config, "head")
                except CommandError:
                    raise RegistryUnavailableError(
                        f"the registry at {self} was made by a newer version",
                        code="registry.newer",
                        hint="upgrade acme-connectors here, too",
                    ) from None

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            if _is_full(error.orig):
                raise RegistryUnavailableError(
                    f"there is no space left for the registry at {self}",
                    code="registry.full",
                    hint="free some on its disk; nothing was stored",
                ) from None
            reason = " ".join(str(error.orig).split())
        except sa.exc.SQLAlchemyError as error:
            reason = type(error).__name__
        else:
            return
        raise RegistryUnavailableError(
            f"the registry at {self} cannot be used: {reason}",
            hint="see that its database runs, and that DAGSTER_HOME or ACME_REGISTRY_URL names the right one",
        )


def _is_full(error: object) -> bool:
    return (
        getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
        or getattr(error, "sqlstate", "") == _DISK_FULL
    )


def _checked(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parsed = None
    if parsed is not None and parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed is None or parsed.drivername not in ("sqlite", "postgresql+psycopg") or not parsed.database:
        # The address is not shown: it may hold a password.
        raise ConfigurationError(
            "the address of the registry is neither a SQLite file nor a Postgres database",
            code="registry.url",
            hint="write ACME_REGISTRY_URL as sqlite:////path/to/file or postgresql://user:password@host/db",
        )
    return parsed


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        # A file may be replaced: no connection outlives its transaction.
        engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": _WAIT_S})
        sa.event.listen(engine, "connect", _leave_transactions_to_us)
        sa.event.listen(engine, "begin", _begin)
        return engine
    waits = {"connect_timeout": str(_WAIT_S), "tcp_user_timeout": str(_WAIT_S * 1000)}
    try:
        return sa.create_engine(
            url.update_query_dict({**waits, **url.query}), pool_pre_ping=True, pool_size=2
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{error.name} is not installed",
            code="registry.driver",
            hint="pip install 'acme-connectors[postgres]'",
        ) from None


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    # Python's module would begin them late, and commit before it makes a table.
    connection.isolation_level = None


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _wait_for_the_lock(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_WAIT_S}s'"))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _schema(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("acme_registry_version"):
        return None
    version: str | None = connection.scalar(sa.text("SELECT version_num FROM acme_registry_version"))
    return version
