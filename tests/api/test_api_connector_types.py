"""GET /api/v1/connector-types: the built-in types, those of the connectors folder, broken ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from acme.cli import main
from tests.api.client import Api, running_api

TICKETS = '''
from acme.sdk import Row, SourceConnector


class Tickets(SourceConnector):
    """The tickets of a help desk."""

    title = "Help desk"
    docs_url = "https://desk.example.com/docs"

    @classmethod
    def config_schema(cls):
        return {
            "url": {"type": "string", "required": True, "examples": ["https://desk.example.com"]},
            "token": {"type": "string", "required": True, "secret": True},
            "order": {"type": "string", "enum": ["up", "down"], "default": "up"},
        }

    def partitions(self, stream):
        return []

    def extract(self, last_run=None):
        yield Row(id=1)
'''
BROKEN = {
    "absent": ("import nothing_of_that_name", "type.import_failed"),
    "crashing": ("import os; os._exit(7)", "crashed"),
    "curious": ("import os; raise RuntimeError(str(dict(os.environ)))", "type.import_failed"),
    "empty": ("x = 1", "type.empty"),
    "hanging": (TICKETS.replace("return {", "import time; time.sleep(4000); return {"), "timeout"),
    "unclear": (TICKETS.replace('"string"', '"text"'), "config.schema"),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server with a type of its own, and several that cannot be used."""
    with running_api(tmp_path_factory.mktemp("types"), test_timeout=2) as api:
        folder = api.workspace_file.parent / "connectors"
        folder.mkdir()
        (folder / "tickets.py").write_text(TICKETS)
        for name, (text, _) in BROKEN.items():
            (folder / f"{name}.py").write_text(text)
        os.environ["A_SECRET_OF_THE_SERVER"] = "canary-6b2d"
        yield api
        del os.environ["A_SECRET_OF_THE_SERVER"]


def test_all_types_are_listed_with_what_they_say_or_why_they_cannot(api: Api) -> None:
    response = api.get("/api/v1/connector-types")

    assert response.status_code == 200
    items = {item["name"]: item for item in response.json()["data"]}
    assert list(items) == sorted(["bigquery", "duckdb", "parquet", "postgres", "tickets", *BROKEN])
    postgres = items["postgres"]
    assert (postgres["title"], postgres["provider"], postgres["fault"]) == ("Postgres", "built in", None)
    assert [one["role"] for one in postgres["roles"]] == ["source", "destination"]
    taken = ["host", "port", "database", "user", "password", "ssl"]
    assert [one["test_fields"] for one in postgres["roles"]] == [taken, taken]
    assert [one["test_fields"] for one in items["duckdb"]["roles"]] == [None]
    (parquet,) = items["parquet"]["roles"]
    assert parquet["capabilities"] == {
        "write_modes": ["append", "overwrite"],
        "exactly_once": True,
        "child_tables": True,
    }
    for name, (_, code) in BROKEN.items():
        assert items[name]["fault"]["code"] == code, items[name]
        assert (items[name]["provider"], items[name]["roles"]) == (f"connectors/{name}.py", [])
    assert "canary-6b2d" not in response.text
    assert str(api.workspace_file.parent) not in response.text


def test_one_type_has_all_that_a_form_needs(api: Api) -> None:
    assert api.get("/api/v1/connector-types/tickets").json()["data"] == {
        "name": "tickets",
        "title": "Help desk",
        "provider": "connectors/tickets.py",
        "docs_url": "https://desk.example.com/docs",
        "roles": [
            {
                "role": "source",
                "description": "The tickets of a help desk.",
                "capabilities": {
                    "incremental": True,
                    "columnar": False,
                    "several_streams": False,
                    "partitions": True,
                },
                "config_schema": {
                    "title": "Tickets",
                    "type": "object",
                    "required": ["url", "token"],
                    "additionalProperties": False,
                    "properties": {
                        "url": {
                            "title": "Url",
                            "type": "string",
                            "minLength": 1,
                            "examples": ["https://desk.example.com"],
                        },
                        "token": {
                            "title": "Token",
                            "type": "string",
                            "minLength": 1,
                            "writeOnly": True,
                            "format": "password",
                        },
                        "order": {
                            "title": "Order",
                            "anyOf": [{"enum": ["up", "down"], "type": "string"}, {"type": "null"}],
                            "default": "up",
                        },
                    },
                },
                "test_fields": None,
            }
        ],
        "fault": None,
    }
    unknown = api.get("/api/v1/connector-types/tickers")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "connector_type.unknown")


def test_the_command_has_the_same_schema(api: Api) -> None:
    shown = CliRunner().invoke(main, ["types", "show", "postgres", "--role", "source", "--json-schema"])

    (source, _) = api.get("/api/v1/connector-types/postgres").json()["data"]["roles"]

    assert json.loads(shown.output) == source["config_schema"]


def test_types_that_have_not_changed_are_not_sent_again(tmp_path: Path) -> None:
    with running_api(tmp_path / "good") as api:
        folder = api.workspace_file.parent / "connectors"
        folder.mkdir()
        first = api.get("/api/v1/connector-types")
        known = {"If-None-Match": first.headers["ETag"]}
        assert api.get("/api/v1/connector-types", headers=known).status_code == 304

        (folder / "tickets.py").write_text(TICKETS)

        second = api.get("/api/v1/connector-types", headers=known)
        assert second.status_code == 200
        assert len(second.json()["data"]) == len(first.json()["data"]) + 1
