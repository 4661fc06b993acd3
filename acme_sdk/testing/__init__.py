"""The harness that finds what is wrong with a connector before its users do.

A *check* (`acme_sdk.testing.registry`) asks one thing of a connector and has a stable id such as
``extraction.rows``. `run` runs checks in a worker process, each under a deadline, and yields what happened:

>>> from pathlib import Path
>>> from acme.sdk.testing import Job, run
>>> for event in run(Job(Path("my_source.py"), {"api_url": "http://localhost:8080", "api_key": "test"})):
...     print(event)

For pytest there are `SourceConnectorTests` and `DestinationConnectorTests`; see `acme_sdk.testing.suites`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acme_sdk.testing.result import Connector, Frame, Outcome, Result
from acme_sdk.testing.runner import Begun, Event, Job, Kept, Refused, Rows, Started, run

if TYPE_CHECKING:
    from acme_sdk.testing.suites import DestinationConnectorTests, SourceConnectorTests

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

_FOR_PYTEST = frozenset({"DestinationConnectorTests", "SourceConnectorTests"})


def __getattr__(name: str) -> Any:
    # The command must work without pytest, and not wait for it.
    if name in _FOR_PYTEST:
        from acme_sdk.testing import suites

        return getattr(suites, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
