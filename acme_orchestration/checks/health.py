"""A connector in Dagster's asset graph: an external asset, and the check that tells its health."""

from collections.abc import Iterator, Mapping, Sequence
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
from acme_orchestration.naming import CHECK_NAME, check_key, connector_key
from acme_orchestration.registry.entries import ConnectorEntry, dagster_name
from acme_orchestration.resources.connector import ConnectorResource, reports

__all__ = ["check_now", "connector_asset", "health_checks"]


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


def health_checks(
    entries: Sequence[ConnectorEntry], resources: Mapping[str, ConnectorResource]
) -> AssetChecksDefinition:
    """Return the check ``health`` of each connector's asset, for running them by hand: any, side by side.

    One definition has them all, and requires no resource: Dagster looks through every resource of the code
    location for each definition of its own, so that with one for each connector the time to load them grows
    with the square of their number.

    Args:
        entries: The connectors.
        resources: Theirs, by Dagster name.
    """
    connectors = {check_key(entry.name): entry for entry in entries}
    specs = [
        AssetCheckSpec(
            CHECK_NAME,
            asset=connector_key(entry.name),
            description="Is it reachable, and does it let us work?",
        )
        for entry in entries
    ]

    @multi_asset_check(name="connectors__health", specs=specs, can_subset=True)
    def check(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        selected = [connectors[key] for key in connectors if key in context.selected_asset_check_keys]
        asked = {entry.name: resources[dagster_name(entry.name)] for entry in selected}
        stored = InstanceReader(context.instance).latest(selected)
        for name, report in reports(asked):
            evaluation = evaluation_of(name, next_record(report, datetime.now(UTC), stored.get(name)))
            yield AssetCheckResult(
                check_name=CHECK_NAME,
                asset_key=connector_key(name),
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
