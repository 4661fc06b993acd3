from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from dagster._core.definitions.utils import DISALLOWED_NAMES, is_valid_name, is_valid_owner
from dagster._utils.tags import is_valid_strict_tag_value
from hypothesis import given
from hypothesis import strategies as st

from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.entries import (
    ConnectorEntry,
    StreamEntry,
    by_dagster_name,
    dagster_name,
)
from acme_orchestration.registry.verification import verify
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import WriteMode
from acme_sdk.policy import SchemaPolicy

EXAMPLE = """
connectors:
  users_db:
    type: postgres
    role: source
    description: The users.
    owner: team:data
    check_interval_s: 30
    config: {host: 127.0.0.1, port: 5432, password: {env: USERS_DB_PASSWORD}}
  analytics: {type: duckdb, role: destination, config: {path: .acme/analytics.duckdb}}
pipelines:
  user-analytics:
    source: users_db
    destination: analytics
    schedule: "0 * * * *"
    streams:
      - {stream: flights, write_mode: upsert, primary_key: [a, b], cursor: time_hour}
      - airlines
  user-export: {source: users_db, destination: analytics}
"""


def load(folder: Path, text: str) -> Workspace:
    (folder / "connectors.yaml").write_text(text)
    return read_workspace(folder / "connectors.yaml")


def connector_faults(folder: Path, text: str) -> dict[str, str | None]:
    return {name: entry.fault for name, entry in load(folder, text).connectors.items()}


def pipeline_fault(folder: Path, body: str) -> str:
    text = EXAMPLE.split("pipelines:")[0] + f"pipelines:\n  p: {body}\n"
    return load(folder, text).pipelines["p"].fault or ""


def test_the_example(tmp_path: Path) -> None:
    workspace = load(tmp_path, EXAMPLE)

    assert workspace.path == tmp_path / "connectors.yaml"
    assert workspace.folder == tmp_path / "connectors"
    assert list(workspace.connectors) == ["users_db", "analytics"]
    users_db = workspace.connectors["users_db"]
    assert (users_db.type, users_db.role, users_db.check_interval_s) == ("postgres", "source", 30)
    assert users_db.config["password"] == {"env": "USERS_DB_PASSWORD"}
    assert workspace.connectors["analytics"].config == {"path": ".acme/analytics.duckdb"}
    pipeline = workspace.pipelines["user-analytics"]
    assert pipeline.schedule == "0 * * * *"
    assert pipeline.streams == (
        StreamEntry(
            stream="flights", write_mode=WriteMode.UPSERT, primary_key=("a", "b"), cursor="time_hour"
        ),
        StreamEntry(stream="airlines"),
    )
    assert workspace.pipelines["user-export"].streams == (StreamEntry(),)
    entries = [*workspace.connectors.values(), *workspace.pipelines.values()]
    assert [entry.fault for entry in entries] == [None] * 4


def test_what_a_pipeline_may_leave_out_and_how_late_records_may_be(tmp_path: Path) -> None:
    body = "{source: users_db, destination: analytics, max_rejected: 0.01, on_schema_change: discard_row,"
    streams = (
        " streams: [{stream: a, overlap: PT1H, cursor: [at, id]}, {stream: b, overlap: 5, cursor: id},"
        " {stream: c, overlap: 0.5}]}"
    )
    text = EXAMPLE.split("pipelines:")[0] + f"pipelines:\n  p: {body}{streams}\n"
    pipeline = load(tmp_path, text).pipelines["p"]
    assert (pipeline.fault, pipeline.max_rejected) == (None, 0.01)
    assert pipeline.on_schema_change is SchemaPolicy.DISCARD_ROW
    assert [stream.overlap for stream in pipeline.streams] == [timedelta(hours=1), 5, 0.5]
    assert [stream.cursor for stream in pipeline.streams] == [("at", "id"), "id", None]
    assert pipeline.plan(pipeline.streams[0]).cursor_field == ("at", "id")
    for written, meant in (("5", 5), ("1.0", 1.0), ("null", None)):
        text = f"connectors: {{}}\npipelines:\n  p: {{source: a, destination: b, max_rejected: {written}}}\n"
        kept = load(tmp_path, text).pipelines["p"].max_rejected
        assert (kept, type(kept)) == (meant, type(meant))


@pytest.mark.parametrize("body", ["max_rejected: 1.5", "max_rejected: -1", "on_schema_change: ignore"])
def test_what_a_pipeline_cannot_leave_out(tmp_path: Path, body: str) -> None:
    fault = pipeline_fault(tmp_path, f"{{source: users_db, destination: analytics, {body}}}")
    assert f"pipelines.p.{body.split(':')[0]}" in fault


@pytest.mark.parametrize("text", ["", "connectors:\n", "pipelines: {}\n", "# nothing yet\n"])
def test_an_empty_workspace(tmp_path: Path, text: str) -> None:
    workspace = load(tmp_path, text)
    assert (workspace.connectors, workspace.pipelines) == ({}, {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("connectors:\n  a: [\n", "line 3"),
        ("- a\n", "must be a mapping"),
        ("connectors: [a]\n", "connectors must be a mapping"),
        ("connecters: {}\n", "'connecters' is not a section"),
        ("connectors:\n  a: {type: x}\n  b: 1\n  a: {type: y}\n", "'a' stands in line 2 and again in line 4"),
        ("connectors:\n  a:\n    config: {x: 1, x: 2}\n", "'x' stands in line 3 and again in line 3"),
        ("connectors:\n  a: !!python/object:os.system {}\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        load(tmp_path, text)
    assert caught.value.code == "file.invalid"
    assert str(tmp_path / "connectors.yaml") in caught.value.message


def test_an_unquoted_password_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must be quoted") as caught:
        load(tmp_path, "connectors:\n  a: {config: {password: *hunter2}}\n")
    assert "hunter2" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no file") as caught:
        read_workspace(tmp_path / "connectors.yaml")
    assert caught.value.code == "file.missing"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{role: source}", "connectors.bad.type: is required"),
        ("{typ: postgres, role: source}", "connectors.bad.typ: is not a field; did you mean 'type'?"),
        ("{type: postgres, role: sink}", "connectors.bad.role: must be 'source' or 'destination'"),
        ("{type: postgres, role: source, owner: me}", "connectors.bad.owner: must be an e-mail address"),
        ("{type: postgres, role: source, check_timeout_s: 60}", "connectors.bad.check_timeout_s: must be"),
        ("{type: postgres, role: source, fault: mine}", "connectors.bad.fault: is not a field"),
        ("{type: postgres, role: source, config: [1]}", "connectors.bad.config: must be"),
        ("postgres", "connectors.bad: must be a mapping"),
        ("", "connectors.bad: must be a mapping"),
    ],
)
def test_a_wrong_entry_names_the_field_and_hides_no_other(tmp_path: Path, body: str, says: str) -> None:
    faults = connector_faults(
        tmp_path, f"connectors:\n  bad: {body}\n  good: {{type: postgres, role: source}}\n"
    )
    assert says in (faults["bad"] or "")
    assert faults["good"] is None


def test_a_faults_message_has_no_value_in_it(tmp_path: Path) -> None:
    faults = connector_faults(tmp_path, "connectors:\n  bad: {type: x, role: source, password: hunter2}\n")
    assert "connectors.bad.password" in (faults["bad"] or "")
    assert "hunter2" not in (faults["bad"] or "")


def test_of_two_names_that_are_one_to_dagster_the_first_stays(tmp_path: Path) -> None:
    workspace = load(
        tmp_path,
        "connectors:\n  a-b: {type: x, role: source}\n  a_b: {type: x, role: source}\n"
        "  d: {type: x, role: destination}\n"
        "pipelines:\n  p: {source: a_b, destination: d}\n  q: {source: a-b, destination: d}\n",
    )
    assert workspace.connectors["a-b"].fault is None
    assert "the same as 'a-b'" in (workspace.connectors["a_b"].fault or "")
    assert "the same as 'a-b'" in (workspace.pipelines["p"].fault or "")
    assert workspace.pipelines["q"].fault is None
    assert by_dagster_name(workspace.connectors.values())["a_b"].name == "a-b"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{source: users_bd, destination: analytics}", "no connector 'users_bd'; did you mean 'users_db'?"),
        ("{source: users_db, destination: nowhere}", "pipelines.p.destination: there is no connector"),
        ("{source: analytics, destination: analytics}", "'analytics' is a destination: name a source"),
        ("{source: users_db, destination: users_db}", "'users_db' is a source: name a destination"),
        ("{source: users_db, destination: analytics, streams: []}", "pipelines.p.streams: there is none"),
        ("{source: users_db, destination: analytics, streams: [a, a]}", "'a' stands here twice"),
        (
            "{source: users_db, destination: analytics, streams: [{stream: a, write_mode: merge}]}",
            "pipelines.p.streams.0.write_mode: must be 'append', 'overwrite' or 'upsert'",
        ),
        (
            "{source: users_db, destination: analytics, streams: [{stream: a, cursr: b}]}",
            "pipelines.p.streams.0.cursr: is not a field; did you mean 'cursor'?",
        ),
        ("{destination: analytics}", "pipelines.p.source: is required"),
    ],
)
def test_a_wrong_pipeline_says_why(tmp_path: Path, body: str, says: str) -> None:
    assert says in pipeline_fault(tmp_path, body)


@pytest.mark.parametrize("name", ["connectors", "test-users-db", "test_users_db"])
def test_a_pipeline_may_not_bear_the_name_of_a_test_job(tmp_path: Path, name: str) -> None:
    text = EXAMPLE.split("pipelines:")[0]
    text += f"pipelines:\n  {name}: {{source: users_db, destination: analytics}}\n"
    assert "choose another" in (load(tmp_path, text).pipelines[name].fault or "")


@pytest.mark.parametrize("name", ["users_db", "user-analytics", "A1", "a" * 63])
def test_allowed_names(name: str) -> None:
    assert dagster_name(name) == name.replace("-", "_")


@pytest.mark.parametrize(
    "name",
    ["", "1a", "_a", "a_", "a__b", "a-_b", "a b", "a.b", "é", "a/b", "../x", "a" * 64, "class", "io-manager"],
)
def test_names_that_are_not_allowed(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        dagster_name(name)
    assert caught.value.code == "name.invalid"


@given(st.text(max_size=70))
def test_an_allowed_name_is_one_to_dagster_and_in_a_tag(name: str) -> None:
    try:
        translated = dagster_name(name)
    except ConfigurationError:
        return
    assert is_valid_name(translated)
    assert is_valid_strict_tag_value(name)


def test_every_name_that_dagster_keeps_for_itself_is_refused() -> None:
    for name in DISALLOWED_NAMES:
        with pytest.raises(ConfigurationError):
            dagster_name(name)


@given(st.from_regex(r"(team:)?[\w.%+ -]{0,8}(@[\w.-]{0,10}\.\w{0,8})?", fullmatch=True))
def test_an_allowed_owner_is_one_to_dagster(owner: str) -> None:
    try:
        ConnectorEntry(name="a", type="x", role="source", owner=owner)
    except ValueError:
        return
    assert is_valid_owner(owner)


def test_literal_secrets_are_found_once_the_type_is_known(tmp_path: Path) -> None:
    workspace = load(
        tmp_path,
        "connectors:\n"
        "  plain: {type: api, role: source, config: {url: http://x, key: in-the-clear}}\n"
        "  nested: {type: api, role: source, config: {url: http://x, tls: {key: in-the-clear}}}\n"
        "  fine: {type: api, role: source, config: {url: http://x, key: {env: KEY}}}\n"
        "  alien: {type: nonesuch, role: source, config: {key: in-the-clear}}\n"
        "  turned: {type: api, role: destination}\n",
    )
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "api.py").write_text(
        "from acme.sdk import SourceConnector\n"
        "class Api(SourceConnector):\n"
        "    @classmethod\n"
        "    def config_schema(cls):\n"
        "        secret = {'type': 'string', 'secret': True}\n"
        "        tls = {'type': 'object', 'properties': {'key': secret}}\n"
        "        return {'url': {'type': 'string'}, 'key': secret, 'tls': tls}\n"
        "    def extract(self, last_run=None): ...\n"
    )
    assert {entry.fault for entry in workspace.connectors.values()} == {None}

    faults = {name: entry.fault for name, entry in verify(workspace).connectors.items()}

    assert faults["fine"] is None
    assert "connectors.plain.config.key: a secret stands here in the clear" in (faults["plain"] or "")
    assert "connectors.nested.config.tls.key" in (faults["nested"] or "")
    assert "connectors.alien.type: there is no connector type 'nonesuch'" in (faults["alien"] or "")
    assert "is no destination" in (faults["turned"] or "")
    assert not any("in-the-clear" in (fault or "") for fault in faults.values())


def test_reading_imports_neither_dagster_nor_a_connector(tmp_path: Path) -> None:
    (tmp_path / "connectors.yaml").write_text(EXAMPLE)
    code = (
        "import sys; from pathlib import Path;"
        "from acme_orchestration.registry.current import read_workspace;"
        f"read_workspace(Path({str(tmp_path / 'connectors.yaml')!r}));"
        "print([m for m in sys.modules if m == 'dagster' or m.startswith('acme_sdk.connectors')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
