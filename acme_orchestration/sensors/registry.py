"""The sensor that has the code location loaded again when something was registered, changed or deleted."""

from __future__ import annotations

from dagster import DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason, sensor
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin

from acme_orchestration.registry.following import CurrentWorkspace

__all__ = ["REGISTRY_SENSOR", "registry_sensor"]

REGISTRY_SENSOR = "connector_registry"

_INTERVAL_S = 10
# Dagster ends a tick after 60 seconds; a reload that takes longer goes on without it.
_RELOAD_WAIT_S = 45


def registry_sensor(current: CurrentWorkspace, loaded: int | None) -> SensorDefinition:
    """Return the sensor that compares the registry's revision with the one that was loaded.

    It asks the code server of its own location to load its code again, as the button in the web UI does. The
    webservers and the daemon watch the code server, and take over what it then has.

    Args:
        current: What would be loaded now.
        loaded: The registry's revision when the location's definitions were made; ``None`` if it could not be
            read.
    """
    asked: int | None = None

    @sensor(
        name=REGISTRY_SENSOR,
        description="Loads this code location again when the registry has changed.",
        minimum_interval_seconds=_INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def connector_registry(context: SensorEvaluationContext) -> SkipReason:
        nonlocal asked
        revision = current.read().revision
        if revision == loaded:
            return SkipReason(f"nothing has changed since revision {loaded}")
        origin = context.code_location_origin
        if not isinstance(origin, GrpcServerCodeLocationOrigin):
            return SkipReason("the daemon loads this code by itself, once a minute")
        if revision == asked:
            return SkipReason(
                f"revision {revision} waits for a restart: this server cannot load its code again"
            )
        try:
            origin.create_client().reload_code(timeout=_RELOAD_WAIT_S)
        except DagsterUserCodeUnreachableError:
            return SkipReason(f"revision {revision} is being loaded")
        # Where there is a new server now, this process has had its last tick.
        asked = revision
        return SkipReason(f"revision {revision} is loaded")

    return connector_registry
