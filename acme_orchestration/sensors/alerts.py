"""The sensor that tells alerts which connectors are in another state than before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from dagster import DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SensorResult, sensor

from acme_orchestration.alerts.change import Alert
from acme_orchestration.alerts.delivery import Delivery
from acme_orchestration.instance import InstanceReader
from acme_orchestration.registry.following import CurrentWorkspace
from acme_orchestration.sensors.told import Told

__all__ = ["alert_sensor"]

_TICK_S = 25


def alert_sensor(current: CurrentWorkspace, alerts: Mapping[str, Alert]) -> SensorDefinition:
    """Return the sensor that tells each alert every change of state, until it could be told.

    It is a sensor of its own, so that an alert which fails holds up no health check.

    Args:
        current: Asked at each tick.
        alerts: By name.
    """
    intervals = [entry.check_interval_s for entry in current.read().connectors.values()]
    delivery = Delivery(alerts)

    @sensor(
        name="connector_alerts",
        description=f"Tells changes of connectors' states to: {', '.join(alerts)}.",
        minimum_interval_seconds=min([_TICK_S, *intervals]),
        default_status=DefaultSensorStatus.RUNNING,
    )
    def connector_alerts(context: SensorEvaluationContext) -> SensorResult:
        connectors, moment = current.read().connectors, datetime.now(UTC)
        told, now = Told.read(context.cursor), moment.timestamp()
        states = told.look(InstanceReader(context.instance).states(connectors.values(), moment), now)
        changes = {name: told.changes(name, connectors, states, now) for name in alerts}
        outcomes = delivery.tell({name: found for name, found in changes.items() if found})
        for name, error in outcomes.items():
            if error is None:
                told.succeeded(name, connectors, states)
            else:
                told.failed(name, now)
                context.log.warning(f"the alert {name} failed: {error.message} ({error.code})")
        failed = sorted(name for name, error in outcomes.items() if error is not None)
        return SensorResult(
            cursor=told.write(),
            skip_reason=f"{len(outcomes) - len(failed)} alerts told"
            + (f"; failed, to be tried again: {', '.join(failed)}" if failed else ""),
        )

    return connector_alerts
