"""A connector type for tests whose errors hold its secret. Written into a workspace's connectors folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from acme.sdk import ConnectorConfig, DestinationConnector, Row, SourceConnector, WriteMode


class _Leaky:
    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        return {
            "fails_in": {"type": "string", "default": "nothing"},
            "password": {"type": "string", "required": True, "secret": True},
        }

    def setup(self, config: ConnectorConfig) -> None:
        self.config = config
        self.fail("setup")

    def health_check(self) -> bool:
        self.fail("health_check")
        return True

    def fail(self, where: str) -> None:
        """Raise what drivers and clients raise: with an address, and with the password in what caused it."""
        if self.config["fails_in"] != where:
            return
        password = self.config["password"]
        address = f"leaky://app:{quote(password, safe='')}@db/app"
        raise ConnectionError(f"{where}: no luck at {address} with {password!r}") from KeyError(password)


class LeakySource(_Leaky, SourceConnector):
    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        yield Row(id=1)
        password = self.config["password"]
        self.reject({"id": "?", "password": password}, f"{password} is no number")
        self.fail("extract")


class LeakyDestination(_Leaky, DestinationConnector):
    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        self.fail("load")
        return len(rows)
