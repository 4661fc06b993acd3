"""A connector as a Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Self, cast

from dagster import ConfigurableResource, InitResourceContext
from pydantic import PrivateAttr
from typing_extensions import TypeVar

from acme_orchestration.registry.faults import fault_report
from acme_orchestration.resources.live import LiveConnector
from acme_orchestration.resources.redaction import guarded, redacting
from acme_sdk.config import ConnectorConfig, validate_config
from acme_sdk.connector import Connector
from acme_sdk.errors import ConfigurationError, FatalError
from acme_sdk.health import CHECK_TIMEOUT_S, HealthReport
from acme_sdk.lifecycle import open_connector
from acme_sdk.plugins import connector_class
from acme_sdk.probe import Probe, run_probes
from acme_sdk.secrets import Redactor

__all__ = ["ConnectorResource", "reports"]

C = TypeVar("C", bound=Connector, default=Connector)


class ConnectorResource(ConfigurableResource[Any], Generic[C]):
    """A connector of the workspace; ``ConnectorResource[MySource]`` tells type checkers which class it is.

    Dagster stores a resource's configuration in its database, so secrets are in it as references only. They
    are resolved when the connector is set up, in the process that uses it.

    Attributes:
        name: Public name: errors show it, and who uses the connector is found by it.
        type: The connector type, e.g. ``postgres``.
        role: ``source`` or ``destination``.
        config: The configuration as written, references unresolved.
        folder: The connectors folder, or ``None``.
        check_timeout_s: Seconds until a health check counts as hanging.
        fault: Why the connector cannot be used, or ``None``.
    """

    name: str
    type: str
    role: str
    config: dict[str, Any | None] = {}
    folder: str | None = None
    check_timeout_s: float = CHECK_TIMEOUT_S
    fault: str | None = None

    _live: LiveConnector[C] | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[Self]:
        """Hold the connector for the time that Dagster gives the resource to somebody: a step, or a tick."""
        with LiveConnector(self.name, self._guarded) as live:
            self._live = live
            yield self

    @property
    def connector(self) -> C:
        """The connector, live: set up when it is first asked for, torn down after the step or the tick.

        It is torn down also when the body raises. Errors of its methods have its secrets removed.

        Raises:
            ConfigurationError: The entry is at fault, the configuration is wrong or a secret is missing.
            FatalError: Dagster did not give the resource to an asset, op, sensor or schedule (code
                ``resource.unused``), or that one has ended (code ``resource.closed``).
        """
        if self._live is None:
            raise FatalError(
                f"Dagster did not set up the resource of the connector {self.name}",
                code="resource.unused",
                hint="outside of Dagster write `with resource.connect() as connector:`",
            )
        return self._live.get()

    @contextmanager
    def connect(self) -> Iterator[C]:
        """Set the connector up for the time of a ``with`` block.

        Errors that leave the block have this connector's secrets removed.

        Yields:
            The connector, set up; it is torn down afterwards, whatever happens in the block.

        Raises:
            ConfigurationError: The entry is at fault, the configuration is wrong or a secret is missing.
        """
        kind, config = _configured(self)
        with redacting(config.redactor), open_connector(kind, config, name=self.name) as connector:
            yield connector

    def redactor(self) -> Redactor:
        """Return what removes this connector's secrets.

        Raises:
            ConfigurationError: The entry is at fault, the configuration is wrong or a secret is missing.
        """
        return _configured(self)[1].redactor

    def check_health(self) -> HealthReport:
        """Ask the connector for its health, in a process of its own and under a deadline."""
        [(_, report)] = reports({self.name: self})
        return report

    @contextmanager
    def _guarded(self) -> Iterator[C]:
        """As `connect`, for who is not inside of the block."""
        kind, config = _configured(self)
        with redacting(config.redactor), open_connector(kind, config, name=self.name) as connector:
            yield guarded(connector, config.redactor)


def reports(resources: Mapping[str, ConnectorResource[Any]]) -> Iterator[tuple[str, HealthReport]]:
    """Ask connectors for their health, side by side; the answers come as they are there.

    Args:
        resources: The connectors by public name.
    """
    probes = []
    for name, one in resources.items():
        if one.fault is not None:
            yield name, fault_report(one.fault)
        else:
            probes.append(
                Probe(name, one.type, one.role, one.config, folder=one.folder, timeout=one.check_timeout_s)
            )
    for result in run_probes(probes):
        yield result.name, result.report


def _configured(resource: ConnectorResource[C]) -> tuple[type[C], ConnectorConfig]:
    if resource.fault is not None:
        raise ConfigurationError(
            resource.fault, hint="correct or enable the connector, then reload the code location"
        )
    folder = Path(resource.folder) if resource.folder else None
    kind = connector_class(resource.type, resource.role, folder)
    config = validate_config(kind.config_schema(), resource.config, connector=resource.name)
    return cast("type[C]", kind), config
