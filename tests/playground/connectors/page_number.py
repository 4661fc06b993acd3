"""Records by page number; the body tells how many pages there are."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector
from acme.sdk.http import PageNumber


class PageNumbers(SourceConnector):
    """Users, changed since the last run."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Where the API is, and how much to ask for at a time."""
        return {
            "url": {"type": "string", "required": True},
            "page_size": {"type": "integer", "default": 50},
        }

    def setup(self, config: ConnectorConfig) -> None:
        """Keep the settings."""
        self.url = config["url"]
        self.page_size = config["page_size"]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Read all pages."""
        for page in self.http.pages(
            f"{self.url}/pagination/page_number",
            params={"updated_since": f"{last_run:%Y-%m-%dT%H:%M:%SZ}" if last_run else None},
            paginator=PageNumber(size=self.page_size, pages="total_pages"),
        ):
            yield from map(Row, page.json()["data"])
