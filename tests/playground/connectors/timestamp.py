"""All records that changed since the last run, in one answer."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector


class Timestamp(SourceConnector):
    """Users, changed since the last run."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Where the API is."""
        return {"url": {"type": "string", "required": True}}

    def setup(self, config: ConnectorConfig) -> None:
        """Keep the address."""
        self.url = config["url"]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Read the one page."""
        since = f"{last_run:%Y-%m-%dT%H:%M:%SZ}" if last_run else None
        answer = self.http.get(f"{self.url}/incremental/timestamp", params={"since": since})
        yield from map(Row, answer.json()["data"])
