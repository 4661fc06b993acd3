"""The SDK: the connector contract, and all that it takes to run a connector.

>>> from acme.sdk import SourceConnector, Row, ConnectorConfig
"""

from acme_sdk.catalog import Stream
from acme_sdk.config import ConnectorConfig
from acme_sdk.connector import (
    BatchSource,
    Connector,
    DestinationConnector,
    SourceConnector,
    StagedDestination,
)
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
from acme_sdk.load import Checkpoint, Load, LoadPlan, WriteMode
from acme_sdk.row import Row

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
    "RetriableError",
    "Row",
    "SecretError",
    "SkippableError",
    "SourceConnector",
    "StagedDestination",
    "Stream",
    "WriteMode",
    "open_connector",
]
