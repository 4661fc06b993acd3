"""Dagster homes: on SQLite, and on a Postgres server of our own."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance

from acme_orchestration.dev.postgres import PostgresServer

__all__ = ["postgres_home", "sqlite_home"]

_SETTINGS = "telemetry: {enabled: false}\n"


def sqlite_home(home: Path) -> Path:
    """Make a home whose databases are files."""
    return _made(home, _SETTINGS)


def postgres_home(home: Path, server: PostgresServer) -> Path:
    """Make a home whose databases are on a server that runs; needs ``dagster-postgres``."""
    # SQLAlchemy 2.1 would take psycopg 3, which does not understand the storage's NOTIFY.
    url = server.connection_string("postgres").replace("postgresql://", "postgresql+psycopg2://")
    return _made(home, f'{_SETTINGS}storage: {{postgres: {{postgres_url: "{url}"}}}}\n')


def _made(home: Path, settings: str) -> Path:
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(settings)
    # Made here, since it breaks when the daemon's processes do it at the same time.
    with DagsterInstance.from_config(str(home)):
        return home
