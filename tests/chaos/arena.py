"""The servers that a run of chaos needs, each started when it is first asked for."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from tests.bigquery.emulator import Emulator
from tests.chaos.origins import Origin, PostgresOrigin, RowOrigin
from tests.chaos.targets import BigQueryTarget, DuckDBTarget, ParquetTarget, PostgresTarget, Target
from tests.servers import DatabaseServer

__all__ = ["Arena"]


class Arena:
    """Makes sources and targets; as a context manager it stops all servers at the end.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Arena:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def server(self) -> DatabaseServer:
        """A Postgres that runs all the time."""
        return self._started("postgres")

    @cached_property
    def fragile(self) -> DatabaseServer:
        """A Postgres that is stopped now and then."""
        return self._started("fragile")

    @cached_property
    def emulator(self) -> Emulator:
        """A BigQuery emulator."""
        emulator = Emulator()
        self._stack.callback(emulator.stop)
        return emulator

    def origin(self, kind: str, *, fragile: bool = False) -> Origin:
        """Make a source."""
        if kind == "postgres":
            return PostgresOrigin(self.fragile if fragile else self.server)
        return RowOrigin(kind)

    def target(self, kind: str, *, fragile: bool = False) -> Target:
        """Make an empty target."""
        if kind == "postgres":
            return PostgresTarget(self.fragile if fragile else self.server)
        if kind == "duckdb":
            return DuckDBTarget(self._folder)
        if kind == "parquet":
            return ParquetTarget(self._folder)
        return BigQueryTarget(self.emulator.endpoint)

    def _started(self, name: str) -> DatabaseServer:
        # Stopped at once or not, the system stays up: what was written without fsync is not lost.
        settings = {"fsync": "off", "full_page_writes": "off"}
        server = DatabaseServer(self._folder / name, password=f"pw-{uuid.uuid4().hex}", settings=settings)
        server.start()
        self._stack.callback(server.stop)
        return server
