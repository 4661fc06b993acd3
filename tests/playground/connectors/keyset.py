"""Records by cursor; the cursor stands for the filters, too."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector
from acme.sdk.http import CursorInBody


class Keyset(SourceConnector):
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
        for page in self.http.pages(
            f"{self.url}/pagination/keyset",
            params={"updated_since": f"{last_run:%Y-%m-%dT%H:%M:%SZ}" if last_run else None},
            paginator=CursorInBody(cursor="scroll_param", param="scroll_param", alone=True),
        ):
            yield from map(Row, page.json()["data"])
