"""The component, as a user of `dg` has it: scaffolded, checked, listed and run in a project."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import yaml

DG = Path(sysconfig.get_path("scripts")) / "dg"

NUMBERS = """
from acme.sdk import Row, SourceConnector

class Numbers(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {"count": {"type": "integer", "required": True}}

    def setup(self, config):
        self.count = config["count"]

    def extract(self, last_run=None):
        for number in range(self.count):
            yield Row(number=number)
"""


class Project:
    """A project of `dg`, as `create-dagster project` writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.defs = folder / "shop" / "defs"
        self.component = self.defs / "warehouse"
        self.defs.mkdir(parents=True)
        (folder / "home").mkdir()
        (folder / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "shop"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
            '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "shop"\n'
        )
        for package in ("shop", "shop/defs"):
            (folder / package / "__init__.py").touch()
        (folder / "shop" / "definitions.py").write_text(
            "from pathlib import Path\n"
            "from dagster import definitions, load_from_defs_folder\n"
            "@definitions\n"
            "def defs():\n"
            "    return load_from_defs_folder(path_within_project=Path(__file__).parent)\n"
        )

    def dg(self, *command: str, code: int = 0, **env: str) -> str:
        done = subprocess.run(
            [DG, *command],
            cwd=self.folder,
            env=os.environ
            | {
                "DAGSTER_HOME": str(self.folder / "home"),
                "DG_CLI_CONFIG": str(self.folder / "none.toml"),
                "COLUMNS": "300",
            }
            | env,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if command[-1] == "--json" else done.stdout + done.stderr

    def write(self, **attributes: Any) -> None:
        document = {"type": "acme_orchestration.AcmeConnectors", "attributes": attributes}
        (self.component / "defs.yaml").write_text(yaml.safe_dump(document))


def names(listed: str) -> dict[str, list[str]]:
    return {
        kind: sorted(item.get("key") or item["name"] for item in items)
        for kind, items in json.loads(listed).items()
        if kind != "assets"
    }


def test_scaffolded_checked_listed_and_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.dg("scaffold", "defs", "acme_orchestration.AcmeConnectors", "warehouse")
    file = project.component / "connectors.yaml"
    assert yaml.safe_load(file.read_text()) == {"connectors": {}, "pipelines": {}}
    # What is scaffolded in comments is an example that works once it is no comment.
    example = file.read_text().replace("\n#  ", "\n  ").replace(": {}\n", ":\n")
    assert list(yaml.safe_load(example)["connectors"]) == ["users_db", "analytics"]

    (project.component / "connectors").mkdir()
    (project.component / "connectors" / "numbers.py").write_text(NUMBERS)
    file.write_text(
        textwrap.dedent(
            f"""
            connectors:
              numbers: {{type: numbers, role: source, config: {{count: 3}}}}
              store: {{type: duckdb, role: destination, config: {{path: {tmp_path}/dev.duckdb}}}}
            pipelines:
              copy-numbers: {{source: numbers, destination: store}}
            """
        )
    )
    prod = {"numbers": {"config": {"count": 5}}, "store": {"config": {"path": f"{tmp_path}/prod.duckdb"}}}
    file.with_name("connectors.prod.yaml").write_text(yaml.safe_dump({"connectors": prod}))
    project.write(path="connectors.yaml", environment="{{ env.DEPLOYMENT }}")
    assert "loaded successfully" in project.dg("check", "defs", DEPLOYMENT="prod")
    found = names(project.dg("list", "defs", "--json", DEPLOYMENT="prod"))
    assert found["asset_checks"] == ["connectors/numbers:health", "connectors/store:health"]
    assert found["jobs"] == ["copy_numbers", "test_numbers", "test_store"]
    assert found["resources"] == ["numbers", "store"]
    assert found["sensors"] == ["connector_health", "connector_registry"]
    project.dg("launch", "--job", "copy_numbers", DEPLOYMENT="prod")
    with duckdb.connect(tmp_path / "prod.duckdb", read_only=True) as database:
        assert database.sql("SELECT count(*) FROM numbers").fetchone() == (5,)
    assert not (tmp_path / "dev.duckdb").exists()

    wrong = project.dg("check", "defs", code=1, DEPLOYMENT="staging")
    assert "there is no environment 'staging'" in wrong


def test_entries_that_stand_in_the_component(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.component.mkdir()
    store = {"type": "duckdb", "role": "destination", "config": {"path": "{{ env.STORE }}"}}
    project.write(connectors={"store": store})
    found = names(project.dg("list", "defs", "--json", STORE=str(tmp_path / "x.duckdb")))
    assert (found["resources"], found["sensors"]) == (["store"], ["connector_health"])

    project.write(connectors={"store": store}, path="connectors.yaml")
    assert "path goes with a connectors.yaml" in project.dg("check", "defs", code=1, STORE="x")
    project.write(pth="connectors.yaml")
    said = project.dg("check", "yaml", code=1)
    assert "defs.yaml:2" in said
    assert "'pth' was unexpected" in said
