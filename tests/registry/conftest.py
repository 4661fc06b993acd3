"""A workspace with one declared connector, and a registry beside it in SQLite and in Postgres."""

from __future__ import annotations

from pathlib import Path

import pytest

from acme_orchestration.registration import Registrar
from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.registered import Registry
from tests.servers import DatabaseServer

DECLARED = """
connectors:
  warehouse: {type: duckdb, role: destination, config: {path: warehouse.duckdb}}
"""
TICKETS = """
from acme.sdk import Row, SourceConnector


class Tickets(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "url": {"type": "string", "required": True, "description": "Where it is"},
            "token": {"type": "string", "required": True, "secret": True},
            "page_size": {"type": "integer", "default": 100},
            "ssl": {"type": "object", "properties": {"key": {"type": "string", "secret": True}}},
        }

    def setup(self, config):
        self.config = config

    def extract(self, last_run=None):
        yield Row(id=1, page_size=self.config["page_size"])

    def health_check(self):
        return self.config["url"] == "up"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The ``connectors.yaml`` of a workspace with a connector type ``tickets``."""
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "tickets.py").write_text(TICKETS)
    (tmp_path / "connectors.yaml").write_text(DECLARED)
    return tmp_path / "connectors.yaml"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    server: DatabaseServer = request.getfixturevalue("postgres")
    return server.connection_string(server.create_database())


@pytest.fixture
def registry(url: str) -> Registry:
    return Registry(RegistryDatabase(url))


@pytest.fixture
def registrar(path: Path, registry: Registry) -> Registrar:
    return Registrar(path, registry)
