"""Records by ranges of their number: a way of continuing that no paginator of the SDK has."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector
from acme.sdk.http import HttpResponse, PageRequest, Paginator


@dataclass(frozen=True, kw_only=True)
class Steps(Paginator):
    """``start_id=1&end_id=50``, then 51 to 100, … until nothing comes."""

    size: int = 50

    def first(self, request: PageRequest) -> PageRequest:
        """Begin at 1."""
        return request.with_params(start_id=1, end_id=self.size)

    def following(self, request: PageRequest, response: HttpResponse) -> PageRequest | None:
        """Go one step further."""
        if not self.records(response):
            return None
        end = request.params["end_id"]
        return request.with_params(start_id=end + 1, end_id=end + self.size)


class StepSize(SourceConnector):
    """Users, by number."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Where the API is."""
        return {"url": {"type": "string", "required": True}}

    def setup(self, config: ConnectorConfig) -> None:
        """Keep the address."""
        self.url = config["url"]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Read all steps."""
        for page in self.http.pages(f"{self.url}/incremental/step", paginator=Steps()):
            yield from map(Row, page.json()["data"])
