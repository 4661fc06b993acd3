"""The registry's database: made by whoever comes first, brought up to date, not missed when it is down."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from acme_orchestration.registration import Registrar
from acme_orchestration.registry import tables
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.database import SCHEMA, RegistryDatabase
from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_orchestration.registry.following import CurrentWorkspace
from acme_orchestration.registry.place import find_registry
from acme_orchestration.registry.registered import Registry
from acme_orchestration.registry.verification import verify
from acme_sdk.errors import ConfigurationError
from tests.servers import DatabaseServer

WAREHOUSE = {"type": "duckdb", "role": "destination", "config": {"path": "w.duckdb"}}

# As the first version made them, and a row that it wrote.
FIRST_TABLES = [
    """CREATE TABLE acme_entries (
        kind VARCHAR(16) NOT NULL, name VARCHAR(63) NOT NULL, dagster_name VARCHAR(63) NOT NULL,
        body JSON NOT NULL, version BIGINT NOT NULL,
        registered_at {time} NOT NULL, changed_at {time} NOT NULL,
        PRIMARY KEY (kind, name), CONSTRAINT acme_entries_dagster_name UNIQUE (kind, dagster_name))""",
    """CREATE TABLE acme_changes (
        id {id}, at {time} NOT NULL, actor VARCHAR(255) NOT NULL, action VARCHAR(16) NOT NULL,
        kind VARCHAR(16) NOT NULL, name VARCHAR(63) NOT NULL, before JSON, after JSON)""",
    "CREATE INDEX acme_changes_entry ON acme_changes (kind, name)",
    "CREATE TABLE acme_registry_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
    "INSERT INTO acme_registry_version VALUES ('0001')",
    """INSERT INTO acme_changes (at, actor, action, kind, name, before, after) VALUES
        ('2026-01-02 03:04:05{zone}', 'ann', 'register', 'connector', 'old', NULL, '{body}')""",
    """INSERT INTO acme_entries VALUES ('connector', 'old', 'old', '{body}', 1,
        '2026-01-02 03:04:05{zone}', '2026-01-02 03:04:05{zone}')""",
]


def execute(url: str, *statements: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_a_registry_in_the_first_form_is_brought_up_to_date(url: str, path: Path) -> None:
    sqlite = url.startswith("sqlite")
    values = {
        "time": "DATETIME" if sqlite else "TIMESTAMP WITH TIME ZONE",
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT" if sqlite else "BIGSERIAL PRIMARY KEY",
        "zone": "" if sqlite else "+00",
        "body": '{"type": "duckdb", "role": "destination", "config": {"path": "w.duckdb"}}',
    }
    bodiless = {key: value for key, value in values.items() if key != "body"}
    execute(
        url,
        *(
            statement.format(**bodiless, body=values["body"])
            if "{body}" in statement
            else statement.format(**bodiless)
            for statement in FIRST_TABLES
        ),
    )
    registry = Registry(RegistryDatabase(url))
    found = registry.get("connector", "old")
    assert (found.body, found.version, found.registered_at.isoformat()) == (
        WAREHOUSE,
        1,
        "2026-01-02T03:04:05+00:00",
    )
    changed = Registrar(path, registry).change(
        "connector", "old", WAREHOUSE | {"disabled": True}, version=1, actor="bob"
    )
    assert (changed.version, [one.actor for one in registry.history()]) == (2, ["bob", "ann"])


def test_the_migrations_make_the_tables_that_the_modules_know(url: str) -> None:
    with RegistryDatabase(url).writing() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "acme_registry_version"})
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == SCHEMA
    config = Config()
    config.set_main_option("script_location", "acme_orchestration.registry:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_a_registry_of_a_newer_version_is_left_alone(url: str) -> None:
    assert Registry(RegistryDatabase(url)).history() == []
    with RegistryDatabase(url).writing():
        pass
    execute(url, "UPDATE acme_registry_version SET version_num = '9999'")
    with pytest.raises(RegistryUnavailableError, match="made by a newer version") as caught:
        Registry(RegistryDatabase(url)).contents()
    assert caught.value.code == "registry.newer"


def test_processes_that_open_a_new_one_at_once(url: str, path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from acme_orchestration.registry.database import RegistryDatabase;"
        "from acme_orchestration.registry.registered import Registry;"
        "from acme_orchestration.registration import Registrar;"
        "registry = Registry(RegistryDatabase(sys.argv[1]));"
        f"Registrar(Path(sys.argv[2]), registry).register('connector', sys.argv[3], {WAREHOUSE!r}, actor='x')"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, url, path, f"w{number}"], stderr=subprocess.PIPE, text=True
        )
        for number in range(3)
    ]
    for process in started:
        _, error = process.communicate(timeout=240)
        assert process.returncode == 0, error
    found = Registry(RegistryDatabase(url)).contents()
    assert (found.revision, sorted(record.name for record in found.connectors)) == (3, ["w0", "w1", "w2"])


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_each_change_is_seen_at_once_by_whoever_looked_before(tmp_path: Path, path: Path, mode: str) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    writer, reader = Registry(RegistryDatabase(url)), Registry(RegistryDatabase(url))
    assert reader.revision() == 0
    with writer.writing():
        pass
    with closing(sqlite3.connect(tmp_path / "registry.db")) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    registrar = Registrar(path, writer)

    # Some one after the other, some after a time in which the reader need not look into the file.
    for number in range(1, 30):
        registrar.register("connector", f"w{number}", WAREHOUSE, actor="ann")
        assert reader.revision() == number
        if number % 3 == 0:
            an_hour_ago = time.time() - 3600
            os.utime(tmp_path / "registry.db", (an_hour_ago, an_hour_ago))
            assert [reader.revision(), reader.revision()] == [number, number]


def test_what_is_declared_does_without_the_registry(postgres: DatabaseServer, path: Path) -> None:
    url = postgres.connection_string(postgres.create_database())
    registry = Registry(RegistryDatabase(url))
    Registrar(path, registry).register("connector", "other", WAREHOUSE, actor="ann")
    current = CurrentWorkspace(verify(read_workspace(path, registry)))
    postgres.stop()
    try:
        down = read_workspace(path, registry)
        assert (list(down.connectors), down.revision) == (["warehouse"], None)
        # What runs on keeps what it knew.
        assert list(current.read().connectors) == ["warehouse", "other"]
        begun_meanwhile = CurrentWorkspace(verify(down))
        with pytest.raises(RegistryUnavailableError) as caught:
            registry.contents()
        assert postgres.password not in f"{caught.value.message} {caught.value.hint}"
    finally:
        postgres.start()
    assert list(begun_meanwhile.read().connectors) == ["warehouse", "other"]


def test_reading_makes_no_file_and_a_file_that_is_none_is_told(tmp_path: Path, path: Path) -> None:
    file = tmp_path / "registry.db"
    registry = Registry(RegistryDatabase(f"sqlite:///{file}"))
    assert (registry.revision(), registry.history(), file.exists()) == (0, [], False)
    file.write_text("this is no database, " * 100)
    assert list(read_workspace(path, registry).connectors) == ["warehouse"]
    with pytest.raises(RegistryUnavailableError, match="not a database"):
        registry.contents()


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("ACME_REGISTRY_URL", raising=False)
    assert find_registry() is None
    assert str(find_registry(tmp_path)) == str(tmp_path / "acme_registry.db")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert str(find_registry()) == str(tmp_path / "home" / "acme_registry.db")
    monkeypatch.setenv("ACME_REGISTRY_URL", "postgresql://ann:hunter2@db/acme?sslpassword=hunter2")
    shown = str(find_registry(tmp_path))
    assert shown.startswith("postgresql+psycopg://ann:***@db/acme")
    assert "hunter2" not in shown
    for wrong in ("mysql://ann:hunter2@db/acme", "hunter2", "sqlite://", "postgresql://x:hunter2"):
        monkeypatch.setenv("ACME_REGISTRY_URL", wrong)
        with pytest.raises(ConfigurationError) as caught:
            find_registry()
        assert caught.value.code == "registry.url"
        assert "hunter2" not in caught.value.message
