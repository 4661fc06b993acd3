"""What ``acme sync`` imports: a sync of a moment waits for nothing that it does not use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import DatabaseServer

# Runs a command and says what it has imported.
RUN = """
import json, sys
from acme.cli import main
main(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
ROWS = """
from acme.sdk import Row, SourceConnector

class Rows(SourceConnector):
    def extract(self, last_run=None):
        yield Row({"id": 1, "name": "one"})
"""
NEVER = {
    "acme_sdk.http", "acme_sdk.scaffold", "acme_sdk.testing", "acme_sdk.connectors.bigquery",
    "acme_orchestration.alerts", "api",
    "dagster", "flask", "google", "jinja2", "oauthlib", "requests", "rich", "sqlalchemy", "urllib3",
}  # fmt: skip


def imported(modules: list[str], names: set[str]) -> set[str]:
    """Return those of the names that are among the modules, as themselves or as a package."""
    return names & ({module.partition(".")[0] for module in modules} | set(modules))


@pytest.fixture
def workspace(tmp_path: Path, postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    database = postgres.create_database()
    postgres.execute(
        database,
        "CREATE TABLE shop (id int PRIMARY KEY, at timestamptz, key uuid, price numeric(9, 2), data jsonb)",
        "INSERT INTO shop VALUES (1, now(), gen_random_uuid(), 1.5, '{}'), (2, NULL, NULL, NULL, NULL)",
    )
    monkeypatch.setenv("SHOP", postgres.connection_string(database))
    config = {"connection": {"env": "SHOP"}}
    connectors = {
        "shop": {"type": "postgres", "role": "source", "config": config},
        "rows": {"type": "rows", "role": "source"},
        "database": {"type": "postgres", "role": "destination", "config": config},
        "file": {"type": "duckdb", "role": "destination", "config": {"path": str(tmp_path / "shop.duckdb")}},
    }
    pipelines = {
        f"{source}-{target}": {
            "source": source,
            "destination": target,
            "streams": [{"table": "loaded"} | ({"stream": "shop"} if source == "shop" else {})],
        }
        for source in ("shop", "rows")
        for target in ("database", "file")
    }
    changes = {"stream": "shop", "table": "loaded_changes", "write_mode": "upsert", "cursor": "at"}
    pipelines["changes"] = {"source": "shop", "destination": "database", "streams": [changes]}
    document = {"connectors": connectors, "pipelines": pipelines}
    (tmp_path / "connectors.yaml").write_text(json.dumps(document))  # YAML as well
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "rows.py").write_text(ROWS)
    return tmp_path


@pytest.mark.parametrize(
    ("pipeline", "more"),
    [
        ("shop-database", {"pandas", "duckdb"}),
        ("changes", {"pandas", "duckdb", "pyarrow.compute"}),
        # DuckDB and Arrow themselves look for pandas when they are given Python values.
        ("shop-file", set()),
        ("rows-database", {"duckdb"}),
        ("rows-file", {"psycopg"}),
    ],
)
def test_a_sync_imports_nothing_that_it_does_not_use(workspace: Path, pipeline: str, more: set[str]) -> None:
    command = [sys.executable, "-c", RUN, "sync", pipeline]
    for _ in range(2):  # into a new table, and into one that exists
        done = subprocess.run(
            command, cwd=workspace, env=os.environ, capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, done.stderr
        assert "loaded" in done.stdout
        modules = json.loads(done.stderr.splitlines()[-1])
        assert imported(modules, {"acme_sdk.sync", "pyarrow"}) == {"acme_sdk.sync", "pyarrow"}
        assert imported(modules, NEVER | more) == set()


def test_help_imports_nothing_but_the_command_line(tmp_path: Path) -> None:
    code = (
        "import sys; from acme.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert imported(done.stdout.split(), {"acme_sdk", "acme_orchestration", "pyarrow", "pydantic"}) == set()
