from __future__ import annotations

import json
from pathlib import Path

from dagster import DagsterInstance, DefaultScheduleStatus, Definitions, TableSchema

from acme_orchestration.definitions import build_definitions
from tests.orchestration.conftest import PASSWORD, Folder


def test_a_stream_is_synced_and_its_materialization_says_how(
    definitions: Definitions, instance: DagsterInstance, folder: Folder
) -> None:
    result = definitions.resolve_job_def("user_analytics").execute_in_process(instance=instance)

    assert result.success
    [materialization] = result.get_asset_materialization_events()
    assert materialization.asset_key.path == ["user_analytics", "users_db"]
    metadata = {name: value.value for name, value in materialization.materialization.metadata.items()}
    assert metadata["dagster/row_count"] == 3
    assert metadata["rows_read"] == 3
    assert metadata["write_mode"] == "overwrite"
    assert metadata["delivery"] == "at-least-once"
    assert metadata["bytes"] > 0
    schema = metadata["dagster/column_schema"]
    assert isinstance(schema, TableSchema)
    assert [(column.name, column.type) for column in schema.columns] == [("id", "int64"), ("name", "string")]
    loaded = (folder.path / "analytics.loaded").read_text().splitlines()
    assert json.loads(loaded[0]) == ["overwrite", {"id": 0, "name": "row 0"}]
    assert len(loaded) == 3


def test_a_failure_has_code_and_hint_and_no_secret(
    definitions: Definitions, instance: DagsterInstance, folder: Folder
) -> None:
    folder.turn("users_db", "down")

    result = definitions.resolve_job_def("user_analytics").execute_in_process(
        instance=instance, raise_on_error=False
    )

    [failure] = result.filter_events(lambda event: event.is_step_failure)
    data = failure.step_failure_data
    text = data.error.to_string()
    assert "ConnectionRefusedError" in text
    assert "user-analytics" in text
    assert PASSWORD not in text
    assert data.user_failure_data.metadata["code"].value == "connect.refused"
    assert "port" in data.user_failure_data.metadata["hint"].value


def test_rejected_records_are_counted_and_their_file_has_no_secret(
    folder: Folder, instance: DagsterInstance
) -> None:
    workspace = folder.declare(
        """
        connectors:
          users_db:
            {type: switch, role: source, config: {path: HERE/users_db, password: {env: SWITCH_PASSWORD}}}
          analytics: {type: switch, role: destination, config: {path: HERE/analytics}}
        pipelines:
          lenient: {source: users_db, destination: analytics, max_rejected: 0.5}
          strict: {source: users_db, destination: analytics}
        """
    )
    folder.turn("users_db", "odd")
    definitions = build_definitions(workspace)

    result = definitions.resolve_job_def("lenient").execute_in_process(instance=instance)
    [materialization] = result.get_asset_materialization_events()
    metadata = {name: value.value for name, value in materialization.materialization.metadata.items()}
    assert metadata["rejected"] == 1
    path = Path(str(metadata["rejected_file"]))
    assert path.is_relative_to(folder.path / ".acme" / "rejected" / "lenient")
    assert json.loads(path.read_text())["row"] == {"id": "?", "password": "********"}

    result = definitions.resolve_job_def("strict").execute_in_process(instance=instance, raise_on_error=False)
    [failure] = result.filter_events(lambda event: event.is_step_failure)
    assert failure.step_failure_data.user_failure_data.metadata["code"].value == "rejected.too_many"


def test_job_and_schedule_carry_the_pipelines_public_name(definitions: Definitions) -> None:
    job = definitions.resolve_job_def("user_analytics")
    schedule = definitions.resolve_schedule_def("user_analytics_schedule")

    assert job.tags["acme/pipeline"] == "user-analytics"
    assert schedule.cron_schedule == "0 * * * *"
    assert schedule.default_status is DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "user_analytics"


def test_lineage_reads_source_stream_destination(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    parents = {
        key.to_user_string(): [parent.to_user_string() for parent in graph.get(key).parent_keys]
        for key in graph.get_all_asset_keys()
    }
    assert parents["user_analytics/users_db"] == ["connectors/users_db"]
    assert parents["connectors/analytics"] == ["user_analytics/users_db"]
    assert parents["connectors/users_db"] == []


def test_a_pipelines_job_knows_its_own_resources_only(definitions: Definitions) -> None:
    job = definitions.resolve_job_def("user_analytics")
    assert set(job.resource_defs) - {"io_manager"} == {"users_db", "analytics"}


def test_a_pipeline_that_cannot_be_run_says_why_and_hides_no_other(folder: Folder) -> None:
    workspace = folder.declare(
        """
        connectors:
          users_db: {type: switch, role: source, config: {path: HERE/users_db}}
          analytics: {type: switch, role: destination, config: {path: HERE/analytics}}
        pipelines:
          good: {source: users_db, destination: analytics}
          never: {source: users_db, destination: analytics, schedule: at noon}
          nowhere: {source: users_db, destination: analytic}
          twins: {source: users_db, destination: analytics, streams: [a.b, a_b]}
        """
    )
    definitions = build_definitions(workspace)

    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    assert jobs >= {"good", "test_users_db", "test_analytics"}
    assert not jobs & {"never", "nowhere", "twins"}
    graph = definitions.resolve_asset_graph()
    described = {key.to_user_string(): graph.get(key).description for key in graph.get_all_asset_keys()}
    assert "at noon" in described["never"]
    assert "did you mean 'analytics'?" in described["nowhere"]
    assert "twins/a_b" in described["twins"]
