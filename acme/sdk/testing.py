"""`acme_sdk.testing` under the name that connectors import it by; the classes are the same objects."""

from typing import TYPE_CHECKING, Any

import acme_sdk.testing
from acme_sdk.testing import (
    Begun,
    Connector,
    Event,
    Frame,
    Job,
    Kept,
    Outcome,
    Refused,
    Result,
    Rows,
    Started,
    run,
)

if TYPE_CHECKING:
    from acme_sdk.testing import DestinationConnectorTests, SourceConnectorTests

__all__ = [
    "Begun",
    "Connector",
    "DestinationConnectorTests",
    "Event",
    "Frame",
    "Job",
    "Kept",
    "Outcome",
    "Refused",
    "Result",
    "Rows",
    "SourceConnectorTests",
    "Started",
    "run",
]


def __getattr__(name: str) -> Any:
    return getattr(acme_sdk.testing, name)
