"""Fixtures that several parts of the suite share: real servers, started once per session."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.bigquery.emulator import Emulator
from tests.running_dev import RunningDev
from tests.servers import DatabaseServer, server_folder

# How long an example takes is up to the machine.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseServer]:
    """A real Postgres on a free port; a test that stops it must start it again."""
    with server_folder() as folder:
        server = DatabaseServer(
            data=folder / "data",
            password=f"pw-{uuid.uuid4().hex}",
            settings={"fsync": "off", "full_page_writes": "off"},
        )
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A real emulator of BigQuery; no test stops this one."""
    emulator = Emulator()
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def sample_dev() -> Iterator[RunningDev]:
    """The sample workspace under ``acme dev``, ready; what a test stops there, it starts again."""
    with server_folder() as folder:
        running = RunningDev(Path(__file__).parents[1], folder / "home")
        try:
            running.wait_until_ready()
            yield running
        finally:
            running.stop()


@pytest.fixture
def spec_connectors() -> Path:
    """The folder with the specification's two templates, word for word."""
    return Path(__file__).parent / "connectors"
