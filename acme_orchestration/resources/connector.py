"""A connector as a Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import ConfigurableResource

from acme_orchestration.checks.evaluation import fault_report
from acme_orchestration.registry.entries import ConnectorEntry
from acme_orchestration.resources.redaction import redacted
from acme_sdk.config import validate_config
from acme_sdk.connector import Connector
from acme_sdk.errors import ConfigurationError
from acme_sdk.health import HealthReport
from acme_sdk.lifecycle import open_connector
from acme_sdk.plugins import connector_class
from acme_sdk.probe import Probe, run_probes
from acme_sdk.secrets import Redactor

__all__ = ["ConnectorResource", "connector_resource"]


class ConnectorResource(ConfigurableResource[Any]):
    """A connector of the workspace.

    Dagster stores a resource's configuration in its database, so secrets are in it as references only. They
    are resolved when the connector is set up, in the process that uses it.

    Attributes:
        name: Public name, for errors.
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
    check_timeout_s: float = 15
    fault: str | None = None

    @contextmanager
    def connect(self) -> Iterator[Connector]:
        """Set the connector up for the time of a ``with`` block.

        Errors that leave the block have this connector's secrets removed.

        Yields:
            The connector, set up; it is torn down afterwards, whatever happens in the block.

        Raises:
            ConfigurationError: The entry is at fault, the configuration is wrong or a secret is missing.
        """
        if self.fault is not None:
            raise ConfigurationError(self.fault)
        kind = connector_class(self.type, self.role, Path(self.folder) if self.folder else None)
        redactor = Redactor(())
        try:
            config = validate_config(kind.config_schema(), self.config, connector=self.name)
            redactor = config.redactor
            with open_connector(kind, config, name=self.name) as connector:
                yield connector
        except Exception as error:
            substitute = redacted(error, redactor)
            if substitute is error:
                raise
            raise substitute from None

    def redactor(self) -> Redactor:
        """Return what removes this connector's secrets.

        Raises:
            ConfigurationError: The configuration is wrong or a secret is missing.
        """
        kind = connector_class(self.type, self.role, Path(self.folder) if self.folder else None)
        return validate_config(kind.config_schema(), self.config, connector=self.name).redactor

    def check_health(self) -> HealthReport:
        """Ask the connector for its health, in a process of its own and under a deadline."""
        if self.fault is not None:
            return fault_report(self.fault)
        probe = Probe(self.name, self.type, self.role, self.config, folder=self.folder)
        [result] = run_probes([probe], timeout=self.check_timeout_s)
        return result.report


def connector_resource(entry: ConnectorEntry, folder: Path | None) -> ConnectorResource:
    """Return the resource of an entry; one that cannot be used says so, and holds no configuration.

    Args:
        entry: The entry, verified.
        folder: The connectors folder, or ``None``.
    """
    fault = f"the connector {entry.name} is disabled" if entry.disabled else entry.fault
    return ConnectorResource(
        name=entry.name,
        type=entry.type,
        role=entry.role,
        config=entry.config if fault is None else {},
        folder=str(folder) if folder else None,
        check_timeout_s=entry.check_timeout_s,
        fault=fault,
    )
