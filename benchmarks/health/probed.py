"""A connector type that asks the benchmark's server for its health. Written into the workspace's folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector


class Probed(SourceConnector):
    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        return {
            "port": {"type": "integer", "required": True},
            "question": {"type": "string", "required": True},
            "password": {"type": "string", "secret": True, "default": "none"},
        }

    def setup(self, config: ConnectorConfig) -> None:
        self.config = config

    def health_check(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.config["port"])) as connection:
            connection.sendall(f"{self.config['question']}\n".encode())
            return connection.recv(10) == b"yes"

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        yield Row(id=1)
