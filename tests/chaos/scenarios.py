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
# What a transaction of the database keeps together is struck less often.
_NESTED = {
    "postgres": (WriteMode.UPSERT,),
    "duckdb": (WriteMode.UPSERT,),
    "parquet": _DESTINATIONS["parquet"],
    "bigquery": _DESTINATIONS["bigquery"],
}

#: All scenarios: processes that are killed, then databases that are stopped.
SCENARIOS = [
    *(
        Scenario(mode, source, destination)
        for destination, modes in _DESTINATIONS.items()
        for mode in modes
        for source in _SOURCES
    ),
    *(
        Scenario(mode, "checkpoints", destination, nested=True)
        for destination, modes in _NESTED.items()
        for mode in modes
    ),
    *(Scenario(mode, source, "postgres", "destination") for mode in WriteMode for source in _SOURCES),
    *(Scenario(mode, "postgres", "duckdb", "source") for mode in WriteMode),
]
