"""Records page by page, where each answer holds the URL of the next page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector
from acme.sdk.http import NextUrl


class NextPageUrl(SourceConnector):
    """Users, changed since the last run."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Where the API is."""
        return {"url": {"type": "string", "required": True}}

    def setup(self, config: ConnectorConfig) -> None:
        """Keep the address."""
        self.url = config["url"]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Read all pages."""
        since = f"{last_run:%Y-%m-%dT%H:%M:%SZ}" if last_run else None
        for page in self.http.pages(
            f"{self.url}/pagination/next_page_url",
            params={"per_page": 50, "updated_since": since},
            paginator=NextUrl(url="next_page_url"),
        ):
            yield from map(Row, page.json()["data"])
