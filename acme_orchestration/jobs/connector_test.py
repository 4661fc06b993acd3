"""A job that tests one connector."""

from dagster import ConfigMapping, Failure, JobDefinition, OpExecutionContext, in_process_executor, job, op

from acme_orchestration.checks.health import check_now
from acme_orchestration.instance.evaluation import evaluation_of
from acme_orchestration.registry.entries import ConnectorEntry, dagster_name
from acme_orchestration.resources.connector import ConnectorResource
from acme_sdk.health import HealthStatus

__all__ = ["connector_test"]


def connector_test(entry: ConnectorEntry, resource: ConnectorResource) -> JobDefinition:
    """Return the job ``test_NAME``: checks a connector, stores the result, and fails if it is unhealthy.

    It is an op job with the one resource bound to it: an asset job would carry every resource of the code
    location in its snapshot.
    """
    key = dagster_name(entry.name)

    @op(name=f"connectors__{key}__test", required_resource_keys={key})
    def test(context: OpExecutionContext) -> None:
        record = check_now(entry, getattr(context.resources, key), context.instance)
        # Its signature leaves out checks, which it takes all the same.
        context.log_event(evaluation_of(entry.name, record))  # type: ignore[arg-type]
        report = record.report
        if report.status is HealthStatus.UNHEALTHY:
            raise Failure(
                description=f"{entry.name} is unhealthy: {report.message}",
                metadata={"code": report.code or "", "hint": report.hint or ""},
                allow_retries=False,
            )
        context.log.info(f"{entry.name} is {report.status.value} ({report.latency_ms} ms)")

    @job(
        name=f"test_{key}",
        description=f"Tests the connector {entry.name}.",
        resource_defs={key: resource},
        executor_def=in_process_executor,
        # It takes none. A schema of all that is possible would be most of what Dagster loads of a connector.
        config=ConfigMapping(config_fn=lambda _: {}, config_schema={}),
        tags={"acme/connector": entry.name},
    )
    def test_job() -> None:
        test()

    return test_job
