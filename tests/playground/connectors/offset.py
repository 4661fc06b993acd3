"""Records by offset and limit; the body tells how many there are. The server limits the rate, and says so."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector
from acme.sdk.http import Offset


class Offsets(SourceConnector):
    """Users, changed since the last run."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Where the API is."""
        return {"url": {"type": "string", "required": True}}

    def setup(self, config: ConnectorConfig) -> None:
        """Keep the address, and heed the server's budget."""
        self.url = config["url"]
        self.http.limit(requests=100, per=1.0)

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Read all pages."""
        for page in self.http.pages(
            f"{self.url}/pagination/offset",
            params={"updated_since": f"{last_run:%Y-%m-%dT%H:%M:%SZ}" if last_run else None},
            paginator=Offset(limit=50, total="total"),
        ):
            yield from map(Row, page.json()["data"])
