"""Records of a parent: the departments of each company."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector


class Departments(SourceConnector):
    """The departments of all companies."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Where the API is."""
        return {"url": {"type": "string", "required": True}}

    def setup(self, config: ConnectorConfig) -> None:
        """Keep the address."""
        self.url = config["url"]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Read the companies, and the departments of each that changed since the last run."""
        since = f"{last_run:%Y-%m-%dT%H:%M:%SZ}" if last_run else None
        for company in self.http.get(f"{self.url}/cursors/companies").json()["data"]:
            url = f"{self.url}/cursors/{company['company_id']}/departments"
            yield from map(Row, self.http.get(url, params={"updated_since": since}).json()["data"])
