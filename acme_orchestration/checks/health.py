"""A connector in Dagster's asset graph: an external asset, and the check that tells its health."""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    DagsterInstance,
    multi_asset_check,
)

from acme_orchestration.instance import InstanceReader
from acme_orchestration.instance.evaluation import CheckRecord, evaluation_of, next_record
from acme_orchestration.naming import CHECK_NAME, connector_key
from acme_orchestration.registry.entries import ConnectorEntry, dagster_name
from acme_orchestration.resources.connector import ConnectorResource

__all__ = ["check_now", "connector_asset", "health_check"]


def connector_asset(entry: ConnectorEntry, deps: list[AssetKey]) -> AssetSpec:
    """Return a connector's asset. Dagster never materializes it: it stands for a system outside.

    Args:
        entry: The connector.
        deps: What is loaded into it, if it is a destination.
    """
    return AssetSpec(
        connector_key(entry.name),
        group_name="connectors",
        kinds={entry.type.lower(), entry.role},
        owners=[entry.owner] if entry.owner else [],
        description=_description(entry),
        deps=deps,
        tags={"acme/connector": entry.name},
        metadata={
            "acme/connector": entry.name,
            "acme/type": entry.type,
            "acme/role": entry.role,
            "acme/check_interval_s": entry.check_interval_s,
        },
    )


def _description(entry: ConnectorEntry) -> str | None:
    if entry.fault is not None:
        return f"Cannot be used: {entry.fault}"
    return f"Disabled. {entry.description or ''}".rstrip() if entry.disabled else entry.description


def health_check(entry: ConnectorEntry) -> AssetChecksDefinition:
    """Return the check ``health`` of a connector's asset, for running it by hand."""
    key = dagster_name(entry.name)
    spec = AssetCheckSpec(
        CHECK_NAME, asset=connector_key(entry.name), description="Is it reachable, and does it let us work?"
    )

    @multi_asset_check(name=f"connectors__{key}__health", specs=[spec], required_resource_keys={key})
    def check(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        record = check_now(entry, getattr(context.resources, key), context.instance)
        evaluation = evaluation_of(entry.name, record)
        yield AssetCheckResult(
            passed=evaluation.passed,
            severity=evaluation.severity,
            description=evaluation.description,
            metadata=evaluation.metadata,
        )

    return check


def check_now(entry: ConnectorEntry, resource: ConnectorResource, instance: DagsterInstance) -> CheckRecord:
    """Check a connector and return what was found, as it follows on what is stored."""
    report = resource.check_health()
    previous = InstanceReader(instance).latest([entry]).get(entry.name)
    return next_record(report, datetime.now(UTC), previous)
