"""The SDK: the connector contract, and all that it takes to run a connector.

>>> from acme.sdk import SourceConnector, Row, ConnectorConfig

Each name is imported from its module when it is first asked for, so that a command that needs only a part of
the SDK does not wait for pydantic and requests.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acme_sdk.catalog import Partition, Stream
    from acme_sdk.config import ConnectorConfig
    from acme_sdk.connector import Connector
    from acme_sdk.cursor import split_cursor
    from acme_sdk.destination import DestinationConnector, StagedDestination
    from acme_sdk.errors import (
        AcmeError,
        ConfigurationError,
        FatalError,
        RetriableError,
        SecretError,
        SkippableError,
    )
    from acme_sdk.health import ConnectionReport, HealthReport, HealthStatus
    from acme_sdk.lifecycle import open_connector
    from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode
    from acme_sdk.position import Checkpoint, Position
    from acme_sdk.row import Row
    from acme_sdk.secrets import SecretStore
    from acme_sdk.source import BatchSource, SourceConnector

__all__ = [
    "AcmeError",
    "BatchSource",
    "Checkpoint",
    "ConfigurationError",
    "ConnectionReport",
    "Connector",
    "ConnectorConfig",
    "DestinationConnector",
    "FatalError",
    "HealthReport",
    "HealthStatus",
    "Load",
    "LoadPlan",
    "Partition",
    "Position",
    "RetriableError",
    "Row",
    "SecretError",
    "SecretStore",
    "SkippableError",
    "SourceConnector",
    "StagedDestination",
    "Stream",
    "StreamState",
    "WriteMode",
    "open_connector",
    "split_cursor",
]

_HOMES = {
    "catalog": ("Partition", "Stream"),
    "config": ("ConnectorConfig",),
    "connector": ("Connector",),
    "cursor": ("split_cursor",),
    "destination": ("DestinationConnector", "StagedDestination"),
    "errors": (
        "AcmeError",
        "ConfigurationError",
        "FatalError",
        "RetriableError",
        "SecretError",
        "SkippableError",
    ),
    "health": ("ConnectionReport", "HealthReport", "HealthStatus"),
    "lifecycle": ("open_connector",),
    "load": ("StreamState", "Load", "LoadPlan", "WriteMode"),
    "position": ("Checkpoint", "Position"),
    "row": ("Row",),
    "secrets": ("SecretStore",),
    "source": ("BatchSource", "SourceConnector"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
