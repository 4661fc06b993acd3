"""``acme connectors`` and ``acme pipelines``: registering, changing, deleting, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acme.cli import main

SECRET = "canary-77aa-hunter2"
DESK = """
from acme.sdk import Row, SourceConnector


class Desk(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "url": {"type": "string", "required": True, "description": "Where it is"},
            "token": {"type": "string", "required": True, "secret": True},
            "page_size": {"type": "integer", "default": 100, "minimum": 1},
            "note": {"type": "string"},
            "ssl": {"type": "object", "properties": {"verify": {"type": "boolean", "default": True}}},
        }

    def setup(self, config):
        self.config = config

    def extract(self, last_run=None):
        yield Row(id=1, page_size=self.config["page_size"])

    def health_check(self):
        if self.config["url"] != "up":
            raise ConnectionError(f"no answer with {self.config['token']}")
        return True
"""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "desk.py").write_text(DESK)
    (tmp_path / "connectors.yaml").write_text(
        "connectors:\n  warehouse: {type: duckdb, role: destination, config: {path: warehouse.duckdb}}\n"
    )
    (tmp_path / "home").mkdir()
    (tmp_path / "token").write_text(SECRET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACME_REGISTRY_URL", raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DESK_TOKEN", SECRET)
    return tmp_path


def acme(*arguments: str, answers: str | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, input=answers)
    assert SECRET not in result.output
    return result


def add(name: str, url: str = "up", *more: str) -> Result:
    return acme(
        "connectors",
        "add",
        "desk",
        "--name",
        name,
        "--set",
        f"url={url}",
        "--set",
        "token={env: DESK_TOKEN}",
        *more,
    )


def stored(name: str, kind: str = "connectors") -> dict[str, object]:
    [found] = json.loads(acme(kind, "show", name, "--json").output)
    assert isinstance(found, dict)
    return found


def test_each_field_is_asked_for_and_a_secret_is_not_echoed(workspace: Path) -> None:
    answers = [
        "help_desk",
        "up",
        SECRET,  # typed by mistake: neither shown nor kept
        "DESK_TOKEN",
        "0",  # too small
        "50",
        "",
        "n",
    ]
    result = acme("connectors", "add", "desk", answers="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    assert "Where it is." in result.output
    assert "The secret itself is not stored" in result.output
    assert "greater than or equal to 1" in result.output
    assert "page_size [100]" in result.output
    assert "connected" in result.output
    assert stored("help_desk")["config"] == {"url": "up", "token": {"env": "DESK_TOKEN"}, "page_size": 50}
    assert SECRET.encode() not in (workspace / "home" / "acme_registry.db").read_bytes()


def test_a_connection_that_fails_is_saved_only_when_asked(workspace: Path) -> None:
    refused = add("desk", "down")
    assert refused.exit_code == 1
    assert "no answer with ********" in refused.output
    assert "Nothing was saved" in refused.output
    assert acme("connectors", "show", "desk").exit_code == 1
    assert add("desk", "down", "--save-anyway").exit_code == 0

    token = str(workspace / "token")
    asked = acme("connectors", "add", "desk", answers=f"other\ndown\n{token}\n\n\nn\ny\n")
    assert asked.exit_code == 0, asked.output
    assert stored("other")["config"] == {"url": "down", "token": {"file": token}}


def test_a_registered_pipeline_runs_like_a_declared_one_until_it_is_deleted() -> None:
    assert add("help_desk", "up", "--set", "page_size=7", "--owner", "team:desk").exit_code == 0
    flow = ["--source", "help_desk", "--destination", "warehouse", "--schedule", "0 * * * *"]
    assert acme("pipelines", "add", "ticket-flow", *flow).exit_code == 0
    assert "registered  ok" in acme("pipelines", "list").output
    synced = acme("sync", "ticket-flow")
    assert synced.exit_code == 0, synced.output
    assert "desk " in acme("state", "show", "ticket-flow").output

    changed = acme("pipelines", "change", "ticket-flow", "--schedule", "", "--stream", "{table: t}")
    assert changed.exit_code == 0, changed.output
    assert stored("ticket-flow", "pipelines")["schedule"] is None
    in_use = acme("connectors", "delete", "help_desk", "--yes")
    assert (in_use.exit_code, "[connector.in_use]" in in_use.output) == (1, True)
    assert acme("connectors", "disable", "help_desk").exit_code == 0
    assert acme("sync", "ticket-flow").exit_code == 1
    assert acme("connectors", "enable", "help_desk").exit_code == 0
    assert acme("pipelines", "delete", "ticket-flow", "--yes").exit_code == 0
    assert acme("connectors", "delete", "help_desk", answers="y\n").exit_code == 0
    assert "nor in the registry" in acme("sync", "ticket-flow").output
    trail = json.loads(acme("connectors", "history", "help_desk", "--json").output)
    assert [one["action"] for one in trail] == ["delete", "change", "change", "register"]
    assert "disabled: nothing → true" in acme("connectors", "history").output


def test_fields_of_entries_are_options() -> None:
    checks = ["--check-interval", "30", "--check-timeout", "2.5", "--failure-threshold", "3"]
    added = add("help_desk", "down", *checks, "--success-threshold", "2", "--disabled")
    assert added.exit_code == 0, added.output
    assert "Testing" not in added.output
    fields = {"check_interval_s": 30, "check_timeout_s": 2.5, "failure_threshold": 3, "success_threshold": 2}
    assert stored("help_desk").items() >= {**fields, "disabled": True}.items()
    changed = acme("connectors", "change", "help_desk", "--failure-threshold", "1", "--check-timeout", "5")
    assert changed.exit_code == 0, changed.output
    changes = {"failure_threshold": 1, "check_timeout_s": 5.0}
    assert stored("help_desk").items() >= {**fields, **changes, "disabled": True}.items()
    refused = acme("connectors", "change", "help_desk", "--check-timeout", "60")
    assert (refused.exit_code, "check_timeout_s" in refused.output) == (1, True)

    assert acme("connectors", "enable", "help_desk").exit_code == 0
    flow = ["--source", "help_desk", "--destination", "warehouse", "--schedule", "0 * * * *"]
    limits = ["--max-rejected", "0.01", "--wait-for-healthy-source"]
    assert acme("pipelines", "add", "flow", *flow, *limits).exit_code == 0
    waiting = {"max_rejected": 0.01, "wait_for_healthy_source": True}
    assert stored("flow", "pipelines").items() >= waiting.items()
    for text, value in (("100", 100), ("null", None), ("", 0)):
        assert acme("pipelines", "change", "flow", "--max-rejected", text).exit_code == 0
        found = stored("flow", "pipelines")
        assert (found["max_rejected"], found["wait_for_healthy_source"]) == (value, True)
    assert acme("pipelines", "change", "flow", "--no-wait-for-healthy-source").exit_code == 0
    assert stored("flow", "pipelines")["wait_for_healthy_source"] is False
    assert acme("pipelines", "change", "flow", "--max-rejected", "many").exit_code == 1


def test_a_change_keeps_the_rest_and_heeds_the_version() -> None:
    add("help_desk", "up", "--set", "page_size=7", "--description", "The desk")
    seen = stored("help_desk")["version"]
    changed = acme("connectors", "change", "help_desk", "--set", "page_size=", "--set", "ssl.verify=false")
    assert changed.exit_code == 0, changed.output
    found = stored("help_desk")
    assert found["config"] == {"url": "up", "token": {"env": "DESK_TOKEN"}, "ssl": {"verify": False}}
    assert found["description"] == "The desk"
    late = acme("connectors", "change", "help_desk", "--owner", "team:a", "--version", str(seen))
    assert (late.exit_code, "[registry.conflict]" in late.output) == (1, True)
    assert acme("connectors", "change", "help_desk", "--set", "page_size=x").exit_code == 1
    assert stored("help_desk") == found


def test_what_is_declared_is_listed_with_it_and_changed_in_the_file(workspace: Path) -> None:
    add("help_desk")
    listing = acme("connectors", "list").output
    assert [line.split() for line in listing.splitlines()] == [
        ["Name", "Type", "Role", "Origin", "State"],
        ["warehouse", "duckdb", "destination", "declared", "ok"],
        ["help_desk", "desk", "source", "registered", "ok"],
    ]
    refused = acme("connectors", "disable", "warehouse")
    assert (refused.exit_code, "is declared in" in refused.output) == (1, True)

    with (workspace / "connectors.yaml").open("a") as file:
        file.write(f"  help_desk: {{type: desk, role: source, config: {{url: up, token: {SECRET}}}}}\n")
    both = json.loads(acme("connectors", "show", "help_desk", "--json").output)
    assert [one["origin"] for one in both] == ["declared", "registered"]
    assert both[0]["config"]["token"] == "********"
    assert "this name stands in" in both[1]["fault"]
    assert acme("connectors", "delete", "help_desk", "--yes").exit_code == 0


def test_without_a_place_for_a_registry(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    nowhere = add("help_desk")
    assert (nowhere.exit_code, "[registry.nowhere]" in nowhere.output) == (1, True)
    assert "warehouse" in acme("connectors", "list").output
    # That of an `acme dev` in this folder.
    (workspace / ".acme" / "dagster").mkdir(parents=True)
    assert add("help_desk").exit_code == 0
    assert (workspace / ".acme" / "dagster" / "acme_registry.db").exists()
