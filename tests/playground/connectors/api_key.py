"""A key in the Authorization header, after a word of the API's own."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector
from acme.sdk.http import BearerAuth


class ApiKey(SourceConnector):
    """Users, all of them."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Where the API is, and who we are."""
        return {
            "url": {"type": "string", "required": True},
            "api_key": {"type": "string", "required": True, "secret": True},
        }

    def setup(self, config: ConnectorConfig) -> None:
        """Say who we are."""
        self.url = config["url"]
        self.http.auth = BearerAuth(config["api_key"], scheme="apiKey")

    def health_check(self) -> bool:
        """Ask whether we are let in."""
        return self.http.get(f"{self.url}/auth/api_key").ok

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Read the one page."""
        yield from map(Row, self.http.get(f"{self.url}/auth/api_key").json()["data"])
