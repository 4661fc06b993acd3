from __future__ import annotations

import pytest
from dagster import AssetKey, DagsterInstance, Definitions, asset, materialize

from acme_orchestration.definitions import build_definitions
from acme_orchestration.instance import InstanceReader
from acme_orchestration.naming import check_key
from acme_orchestration.registry.workspace import Workspace
from acme_orchestration.resources.connector import ConnectorResource
from acme_sdk.errors import AcmeError, ConfigurationError
from acme_sdk.health import HealthStatus
from tests.orchestration.conftest import PASSWORD, Folder


def resource(definitions: Definitions, key: str) -> ConnectorResource:
    found = (definitions.resources or {})[key]
    assert isinstance(found, ConnectorResource)
    return found


def test_a_connector_is_an_external_asset(definitions: Definitions) -> None:
    node = definitions.resolve_asset_graph().get(AssetKey(["connectors", "users_db"]))
    assert not node.is_executable
    assert node.group_name == "connectors"
    assert node.kinds == {"switch", "source"}
    assert node.owners == ["team:data"]
    assert node.description == "The users."
    assert node.tags["acme/connector"] == "users_db"
    assert node.check_keys == {check_key("users_db")}


def test_the_check_can_be_run_by_hand(
    definitions: Definitions, instance: DagsterInstance, workspace: Workspace, folder: Folder
) -> None:
    folder.turn("orders_db", "down")
    job = definitions.resolve_implicit_global_asset_job_def()
    for name, passed in (("users_db", True), ("orders-db", False)):
        subset = job.get_subset(asset_selection=set(), asset_check_selection={check_key(name)})
        result = subset.execute_in_process(instance=instance)
        assert result.success
        [evaluation] = result.get_asset_check_evaluations()
        assert evaluation.passed is passed
    states = InstanceReader(instance).states(workspace.connectors.values())
    assert states["users_db"].status is HealthStatus.HEALTHY
    assert states["users_db"].report.latency_ms is not None  # type: ignore[union-attr] # there is one
    assert states["orders-db"].status is HealthStatus.UNHEALTHY


@pytest.mark.parametrize(("order", "success"), [("up", True), ("down", False), ("exit", False)])
def test_the_test_job_stores_what_it_finds(
    definitions: Definitions,
    instance: DagsterInstance,
    workspace: Workspace,
    folder: Folder,
    order: str,
    success: bool,
) -> None:
    folder.turn("users_db", order)
    job = definitions.resolve_job_def("test_users_db")
    assert set(job.resource_defs) - {"io_manager"} == {"users_db"}

    result = job.execute_in_process(instance=instance, raise_on_error=False)

    assert result.success is success
    state = InstanceReader(instance).states(workspace.connectors.values())["users_db"]
    assert state.status is (HealthStatus.HEALTHY if success else HealthStatus.UNHEALTHY)
    if not success:
        [failure] = result.filter_events(lambda event: event.is_step_failure)
        assert PASSWORD not in str(failure)


def test_a_connector_in_an_asset_of_ones_own(definitions: Definitions, folder: Folder) -> None:
    @asset
    def names(users_db: ConnectorResource) -> list[str]:
        with users_db.connect() as connector:
            return [row["name"] for row in connector.extract()]  # type: ignore[attr-defined] # a source

    result = materialize([names], resources={"users_db": resource(definitions, "users_db")})
    assert result.output_for_node("names") == ["row 0", "row 1", "row 2"]


def test_errors_in_the_block_are_redacted_and_others_left_alone(definitions: Definitions) -> None:
    users = resource(definitions, "users_db")
    with pytest.raises(AcmeError, match=r"bad \*{8}!") as caught, users.connect():
        raise KeyError(f"bad {PASSWORD}!") from ValueError(PASSWORD)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    with pytest.raises(KeyError, match="harmless"), users.connect():
        raise KeyError("harmless")


def test_what_cannot_be_used_says_so(folder: Folder) -> None:
    workspace = folder.declare(
        """
        connectors:
          literal: {type: switch, role: source, config: {path: x, password: in-the-clear-4711}}
          resting: {type: switch, role: source, disabled: true, config: {path: x}}
          untyped: {type: nonesuch, role: source}
        """
    )
    definitions = build_definitions(workspace)
    for key, reason in (("literal", "in the clear"), ("resting", "disabled"), ("untyped", "nonesuch")):
        with pytest.raises(ConfigurationError, match=reason), resource(definitions, key).connect():
            pytest.fail("it was set up")
    assert "in-the-clear-4711" not in repr(resource(definitions, "literal"))
    node = definitions.resolve_asset_graph().get(AssetKey(["connectors", "literal"]))
    assert (node.description or "").startswith("Cannot be used: ")
    assert not definitions.resolve_asset_graph().get(AssetKey(["connectors", "resting"])).check_keys


def test_a_module_that_breaks_on_import_stops_nobody(folder: Folder) -> None:
    (folder.path / "connectors" / "bad.py").write_text("raise SystemExit('never mind')\n")
    workspace = folder.declare(
        """
        connectors:
          bad: {type: bad, role: source}
          good: {type: switch, role: source, config: {path: HERE/users_db}}
        """
    )
    definitions = build_definitions(workspace)
    assert resource(definitions, "good").check_health().status is HealthStatus.HEALTHY
    assert "never mind" in (resource(definitions, "bad").check_health().message or "")


def test_definitions_merge_with_others(definitions: Definitions) -> None:
    @asset
    def mine(users_db: ConnectorResource) -> None: ...

    merged = Definitions.merge(definitions, Definitions(assets=[mine]))
    assert AssetKey("mine") in merged.resolve_asset_graph().get_all_asset_keys()
    Definitions.validate_loadable(merged)
