"""Fixtures that several parts of the suite share: real servers, started once per session."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running_dev import RunningDev
from tests.servers import DatabaseServer


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """A real Postgres on a free port; a test that stops it must start it again."""
    server = DatabaseServer(
        data=tmp_path_factory.mktemp("postgres") / "data",
        password=f"pw-{uuid.uuid4().hex}",
        settings={"fsync": "off", "full_page_writes": "off"},
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sample_dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDev]:
    """The sample workspace under ``acme dev``, ready; what a test stops there, it starts again."""
    running = RunningDev(Path(__file__).parents[1], tmp_path_factory.mktemp("sample") / "home")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def spec_connectors() -> Path:
    """The folder with the specification's two templates, word for word."""
    return Path(__file__).parent / "connectors"
