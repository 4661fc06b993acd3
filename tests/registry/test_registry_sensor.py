"""The sensor that asks for a reload, where there is no code server that it could ask."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance, SkipReason, build_sensor_context

from acme_orchestration.registration import Registrar
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.following import CurrentWorkspace
from acme_orchestration.registry.registered import Registry
from acme_orchestration.sensors.registry import registry_sensor


def test_it_asks_for_nothing_until_something_has_changed_that_can_be_read(
    path: Path, registry: Registry, registrar: Registrar
) -> None:
    workspace = read_workspace(path, registry)
    sensor = registry_sensor(CurrentWorkspace(workspace), workspace.revision)

    def tick() -> str:
        with DagsterInstance.ephemeral() as instance, build_sensor_context(instance=instance) as context:
            skipped = sensor(context)
        assert isinstance(skipped, SkipReason)
        return skipped.skip_message or ""

    assert tick() == "nothing has changed since revision 0"
    lake = {"type": "duckdb", "role": "destination", "config": {"path": "lake.duckdb"}}
    registrar.register("connector", "lake", lake, actor="ann")
    # To load a file that cannot be read would leave the code location empty.
    good = path.read_text()
    path.write_text("connectors: [")
    assert tick() == "nothing has changed since revision 0"
    path.write_text(good)
    assert tick() == "the daemon loads this code by itself, once a minute"
