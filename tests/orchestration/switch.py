"""A connector type for tests: it does what stands in a file. Written into a workspace's connectors folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from acme.sdk import ConnectorConfig, DestinationConnector, Row, SourceConnector, WriteMode

SCHEMA = {
    "path": {"type": "string", "required": True},
    "password": {"type": "string", "secret": True, "default": "none"},
}


class _Switch:
    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        return SCHEMA

    def setup(self, config: ConnectorConfig) -> None:
        self.path = Path(config["path"])
        self.password = config["password"]

    def health_check(self) -> bool:
        with self.path.with_suffix(".asked").open("a") as file:
            file.write(f"{time.time()}\n")
        order = self.path.read_text().strip()
        if order == "hang":
            time.sleep(600)
        if order == "exit":
            os._exit(3)
        if order == "once":  # fails this time only
            self.path.write_text("up")
        if order in ("down", "once"):
            raise ConnectionRefusedError(f"no luck with {self.password}")
        return True


class SwitchSource(_Switch, SourceConnector):
    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        order = self.path.read_text().strip()
        if order == "down":
            raise ConnectionRefusedError(f"no luck with {self.password}")
        if order == "odd":
            self.reject({"id": "?", "password": self.password}, "the id is no number")
        for number in range(3):
            yield Row(id=number, name=f"row {number}")


class SwitchDestination(_Switch, DestinationConnector):
    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        with self.path.with_suffix(".loaded").open("a") as file:
            file.writelines(json.dumps([write_mode.value, row.to_dict()]) + "\n" for row in rows)
        return len(rows)
