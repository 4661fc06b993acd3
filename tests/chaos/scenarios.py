"""Which syncs are struck: every mode, from every kind of source, into every destination."""

from __future__ import annotations

from acme_sdk import WriteMode
from tests.chaos.sources import ROW_SOURCES
from tests.chaos.story import Scenario

__all__ = ["SCENARIOS"]

_SOURCES = ("postgres", *ROW_SOURCES)
_DESTINATIONS = {
    "postgres": tuple(WriteMode),
    "duckdb": tuple(WriteMode),
    "parquet": (WriteMode.APPEND, WriteMode.OVERWRITE),
    "bigquery": tuple(WriteMode),
}

#: All scenarios: processes that are killed, then databases that are stopped.
SCENARIOS = [
    *(
        Scenario(mode, source, destination)
        for destination, modes in _DESTINATIONS.items()
        for mode in modes
        for source in _SOURCES
    ),
    *(Scenario(mode, source, "postgres", "destination") for mode in WriteMode for source in _SOURCES),
    *(Scenario(mode, "postgres", "duckdb", "source") for mode in WriteMode),
]
