"""A BigQuery emulator in a process of its own; run as a script it serves until its standard input ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

__all__ = ["Emulator"]


class Emulator:
    """A running emulator on free ports.

    Attributes:
        endpoint: The address of its REST API.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith('{"endpoint"'):
                self.endpoint: str = json.loads(line)["endpoint"]
                return
        raise RuntimeError(f"the emulator ended with {self._process.wait()} before it listened")

    def stop(self) -> None:
        """Stop the emulator."""
        self._process.kill()
        self._process.communicate()


async def _serve() -> None:
    import duckdb_extensions

    duckdb_extensions.import_extension("spatial")  # the emulator needs it and would download it
    from bqemulator.config import PersistenceMode, Settings
    from bqemulator.server import EmulatorServer

    server = EmulatorServer(
        Settings(persistence_mode=PersistenceMode.EPHEMERAL, rest_port=0, grpc_port=0, log_level="error")
    )
    await server.start()
    print(json.dumps({"endpoint": server.rest_url}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve())
