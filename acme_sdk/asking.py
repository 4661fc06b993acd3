"""What a connector answers to a probe: its health, what it is connected to, its streams, what its type is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from acme_sdk.config import validate_config
from acme_sdk.connector import Connector
from acme_sdk.description import describe_stream, describe_type
from acme_sdk.errors import ConfigurationError
from acme_sdk.health import HealthReport, HealthStatus, check_health, is_failure
from acme_sdk.lifecycle import open_connector
from acme_sdk.plugins import connector_class, connector_type
from acme_sdk.secrets import Redactor
from acme_sdk.source import SourceConnector
from acme_sdk.steps import Steps

__all__ = ["ask"]

_Answer = tuple[HealthReport, dict[str, Any]]


def ask(probe: Mapping[str, Any], steps: Steps, imported: Callable[[], None]) -> dict[str, Any]:
    """Put a probe to its connector.

    Args:
        probe: The fields of an `acme_sdk.probe.Probe`.
        steps: Notes what the connector is at.
        imported: Called when the connector's code is there: how long that took says nothing about it.

    Returns:
        ``report`` and ``found``, fit for JSON. Whatever is raised is in the report, with the configuration's
        secrets removed.
    """
    redactor = Redactor(())
    folder = Path(probe["folder"]) if probe["folder"] else None
    try:
        if probe["action"] == "describe":
            classes = connector_type(probe["type"], folder).classes()
            imported()
            report, found = HealthReport(HealthStatus.HEALTHY), describe_type(classes)
        else:
            kind = connector_class(probe["type"], probe["role"], folder)
            imported()
            config = validate_config(kind.config_schema(), probe["config"], connector=probe["name"])
            redactor = config.redactor
            with open_connector(kind, config, name=probe["name"], steps=steps) as connector:
                report, found = _ACTIONS[probe["action"]](connector)
    except BaseException as error:  # noqa: BLE001 - a connector that calls sys.exit() has failed, too
        report, found = HealthReport.from_error(error), {}
    report = replace(report, steps=steps.taken(failed=is_failure(report)))
    return {"report": redactor.redact_json(asdict(report)), "found": redactor.redact_json(found)}


def _health(connector: Connector) -> _Answer:
    return check_health(connector), {}


def _test(connector: Connector) -> _Answer:
    found = connector.test_connection()
    report = HealthReport(
        HealthStatus.HEALTHY, latency_ms=found.latency_ms, server_version=found.server_version
    )
    return report, asdict(found)


def _streams(connector: Connector) -> _Answer:
    if not isinstance(connector, SourceConnector):
        raise ConfigurationError("a destination has no streams", code="type.no_role", hint="ask a source")
    streams = [describe_stream(connector, stream) for stream in connector.streams()]
    return HealthReport(HealthStatus.HEALTHY), {"streams": streams}


_ACTIONS: Mapping[str, Callable[[Connector], _Answer]] = {
    "health": _health,
    "test": _test,
    "streams": _streams,
}
