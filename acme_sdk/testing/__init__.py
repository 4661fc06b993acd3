"""The harness that finds what is wrong with a connector before its users do.

A *check* (`acme_sdk.testing.registry`) asks one thing of a connector and has a stable id such as
``extraction.rows``. `run` runs checks in a worker process, each under a deadline, and yields what happened:

>>> from pathlib import Path
>>> from acme.sdk.testing import Job, run
>>> for event in run(Job(Path("my_source.py"), {"api_url": "http://localhost:8080", "api_key": "test"})):
...     print(event)
"""

from acme_sdk.testing.result import Connector, Frame, Outcome, Result
from acme_sdk.testing.runner import Begun, Event, Job, Kept, Refused, Rows, Started, run

__all__ = [
    "Begun",
    "Connector",
    "Event",
    "Frame",
    "Job",
    "Kept",
    "Outcome",
    "Refused",
    "Result",
    "Rows",
    "Started",
    "run",
]
