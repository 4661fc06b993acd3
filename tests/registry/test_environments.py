"""Environments: what connectors.prod.yaml lays over connectors.yaml."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from acme.cli import main
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.environment import laid_over
from acme_orchestration.registry.verification import verify
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError
from tests.running_dev import ACME

BASE = """
connectors:
  users_db:
    type: postgres
    role: source
    owner: team:data
    config:
      host: 127.0.0.1
      ssl: {mode: disable}
      password: {env: USERS_DB_PASSWORD}
  lake: {type: parquet, role: destination, config: {path: lake}}
pipelines:
  user-analytics:
    source: users_db
    destination: lake
    schedule: "0 * * * *"
    streams: [flights, airlines]
  user-export: {source: users_db, destination: lake}
"""


def load(folder: Path, overlay: str, environment: str = "prod") -> Workspace:
    (folder / "connectors.yaml").write_text(BASE)
    (folder / "connectors.prod.yaml").write_text(overlay)
    return read_workspace(folder / "connectors.yaml", environment=environment)


def test_an_overlay_says_only_what_is_different(tmp_path: Path) -> None:
    workspace = load(
        tmp_path,
        """
connectors:
  users_db:
    config:
      host: db.example.com
      ssl: {mode: verify-full, root_cert: /etc/ca.pem}
      password: {aws: {name: prod/users_db, key: password}}
  lake: {type: duckdb, config: {path: prod.duckdb}}
  audit: {type: duckdb, role: destination, config: {path: audit.duckdb}}
pipelines:
  user-analytics:
    schedule: null
    streams: [{stream: flights, write_mode: append}]
  user-export: null
""",
    )
    assert workspace.environment == "prod"
    users_db = workspace.connectors["users_db"]
    assert users_db.owner == "team:data"
    assert users_db.config == {
        "host": "db.example.com",
        "ssl": {"mode": "verify-full", "root_cert": "/etc/ca.pem"},
        "password": {"aws": {"name": "prod/users_db", "key": "password"}},
    }
    lake = workspace.connectors["lake"]
    assert (lake.type, lake.role, lake.config) == ("duckdb", "destination", {"path": "prod.duckdb"})
    assert list(workspace.connectors) == ["users_db", "lake", "audit"]
    assert list(workspace.pipelines) == ["user-analytics"]
    pipeline = workspace.pipelines["user-analytics"]
    assert (pipeline.schedule, [stream.stream for stream in pipeline.streams]) == (None, ["flights"])
    faults = {entry.fault for entry in (*workspace.connectors.values(), pipeline)}
    assert faults == {None}


@pytest.mark.parametrize("overlay", ["", "connectors:\npipelines:\n", "connectors: {users_db: {}}\n"])
def test_an_overlay_that_says_nothing_changes_nothing(tmp_path: Path, overlay: str) -> None:
    workspace = load(tmp_path, overlay)
    plain = read_workspace(tmp_path / "connectors.yaml")
    assert (plain.environment, workspace.environment) == (None, "prod")
    assert (plain.connectors, plain.pipelines) == (workspace.connectors, workspace.pipelines)
    # What one environment has read, the other has not.
    assert plain.home != workspace.home


def test_the_variable_chooses_and_the_argument_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, "connectors: {lake: {owner: 'team:prod'}}\n")
    (tmp_path / "connectors.dev.yaml").write_text("")
    monkeypatch.setenv("ACME_ENVIRONMENT", "prod")
    chosen = read_workspace(tmp_path / "connectors.yaml")
    assert (chosen.environment, chosen.connectors["lake"].owner) == ("prod", "team:prod")
    assert read_workspace(tmp_path / "connectors.yaml", environment="dev").environment == "dev"
    monkeypatch.setenv("ACME_ENVIRONMENT", "")
    assert read_workspace(tmp_path / "connectors.yaml").environment is None


@pytest.mark.parametrize("name", ["prd", "../prod", "a b", "prod.yaml"])
def test_an_environment_that_does_not_exist_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, "", name)
    assert caught.value.code == "environment.unknown"
    assert name in caught.value.message
    assert name != "prd" or "there are prod" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("overlay", "says"),
    [
        ("connectors: [\n", "connectors.prod.yaml: line 2"),
        ("connecters: {}\n", "connectors.prod.yaml: 'connecters' is not a section"),
        ("connectors: 3\n", "connectors.prod.yaml: connectors must be a mapping"),
    ],
)
def test_an_overlay_that_cannot_be_read_is_named(tmp_path: Path, overlay: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, overlay)
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("users_db: {check_interval_s: 1}", "users_db.check_interval_s: "),
        ("users_db: 3", "connectors.users_db: must be a mapping of fields"),
        ("users_db: {description: null}", "users_db.description: null removes a value, but there is none"),
        ("users_bd: {config: {host: x}}", "users_bd.type: is required"),
        ("users_bd: null", "users_bd: null removes a value, but there is none"),
        (
            "users_db: {config: {password: in-the-clear}}",
            "config.password: a secret stands here in the clear",
        ),
    ],
)
def test_a_wrong_entry_names_both_files_and_hides_no_other(tmp_path: Path, body: str, says: str) -> None:
    workspace = verify(load(tmp_path, f"# prod\nconnectors:\n  {body}\n"))
    name = body.partition(":")[0]
    fault = workspace.connectors[name].fault or ""
    assert says in fault
    assert "in-the-clear" not in fault
    if name == "users_db":
        assert fault.endswith("(connectors.yaml line 3, connectors.prod.yaml line 3)")
    else:
        assert fault.endswith("(connectors.prod.yaml line 3)")
        assert "did you mean 'users_db'?" in fault or "null removes" in fault
    assert workspace.connectors["lake"].fault is None


def test_a_pipeline_whose_connector_is_removed_says_so(tmp_path: Path) -> None:
    workspace = load(tmp_path, "connectors: {lake: null}\n")
    assert "there is no connector 'lake'" in (workspace.pipelines["user-analytics"].fault or "")
    assert "(connectors.yaml line 13)" in (workspace.pipelines["user-analytics"].fault or "")


leaves = st.one_of(st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
trees = st.recursive(
    leaves, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
mappings = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(mappings, mappings)
def test_laying_over_keeps_both_and_the_overlay_counts(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    before = json.dumps([base, overlay])
    merged = laid_over(base, overlay, "x")
    assert json.dumps([base, overlay]) == before
    assert laid_over(merged, overlay, "x") == merged
    assert laid_over({}, overlay, "x") == overlay
    assert laid_over(base, {}, "x") == base
    for key in {*base, *overlay}:
        if not isinstance(overlay.get(key, {}), dict):
            assert merged[key] == overlay[key]


def test_the_command_says_which_environment_it_works_in(tmp_path: Path) -> None:
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "numbers.py").write_text(
        "from acme.sdk import Row, SourceConnector\n"
        "class Numbers(SourceConnector):\n"
        "    @classmethod\n"
        "    def config_schema(cls): return {'count': {'type': 'integer', 'required': True}}\n"
        "    def setup(self, config): self.count = config['count']\n"
        "    def extract(self, last_run=None):\n"
        "        for n in range(self.count): yield Row(n=n)\n"
    )
    base = {
        "connectors": {
            "numbers": {"type": "numbers", "role": "source", "config": {"count": 2}},
            "store": {"type": "duckdb", "role": "destination", "config": {"path": "dev.duckdb"}},
        },
        "pipelines": {"copy": {"source": "numbers", "destination": "store"}},
    }
    prod = {"connectors": {"numbers": {"config": {"count": 5}}, "store": {"config": {"path": "prod.duckdb"}}}}
    (tmp_path / "connectors.yaml").write_text(yaml.safe_dump(base))
    (tmp_path / "connectors.prod.yaml").write_text(yaml.safe_dump(prod))

    def acme(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([ACME, *command], cwd=tmp_path, capture_output=True, text=True, timeout=240)

    plain, in_prod = acme("sync", "copy"), acme("sync", "copy", "--env", "prod")
    assert (plain.returncode, in_prod.returncode) == (0, 0), plain.stderr + in_prod.stderr
    assert "environment" not in plain.stderr
    assert "environment: prod" in in_prod.stderr
    for file, rows in (("dev.duckdb", 2), ("prod.duckdb", 5)):
        with duckdb.connect(tmp_path / file, read_only=True) as database:
            assert database.sql("SELECT count(*) FROM numbers").fetchone() == (rows,)
    unknown = acme("state", "show", "copy", "--env", "prd")
    assert unknown.returncode == 1
    assert "there is no environment 'prd'" in unknown.stderr
    assert "there are prod" in unknown.stderr


def test_a_command_names_its_environment_once(tmp_path: Path) -> None:
    # Its group has the option as well.
    variables = {"ACME_ENVIRONMENT": "prod", "ACME_REGISTRY_URL": f"sqlite:///{tmp_path / 'registry.db'}"}
    done = CliRunner().invoke(main, ["api", "keys", "list"], env=variables)
    assert done.exit_code == 0
    assert done.stderr == "environment: prod\n"
