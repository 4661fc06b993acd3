"""A connector type for tests that writes down its life. Written into a workspace's connectors folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector


class LedgerSource(SourceConnector):
    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        return {
            "path": {"type": "string", "required": True},
            "password": {"type": "string", "secret": True, "required": True},
            "teardown_fails": {"type": "boolean", "default": False},
        }

    def setup(self, config: ConnectorConfig) -> None:
        self.path = Path(config["path"])
        self.password = config["password"]
        self.teardown_fails = config["teardown_fails"]
        self.write("setup")

    def write(self, line: str) -> str:
        with self.path.open("a") as file:
            file.write(line + "\n")
        return line

    def fail(self) -> None:
        raise PermissionError(f"{self.password} is wrong")

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        yield Row(id=1)
        raise ConnectionResetError(f"{self.password} was lost")

    @contextmanager
    def session(self) -> Iterator[str]:
        self.write("session")
        yield "open"
        self.write("session ends")

    @property
    def account(self) -> str:
        raise LookupError(f"no account for {self.password}")

    def teardown(self) -> None:
        self.write("teardown")
        if self.teardown_fails:
            raise TimeoutError(f"{self.password} never answered")
