"""It needs neither self.http nor a generator: it returns an iterator over what urllib read."""

import json
from datetime import UTC, datetime
from urllib.request import Request, urlopen

from acme.sdk import Row, SourceConnector


class StandardLibrary(SourceConnector):
    def setup(self, config):
        self.url = config["api_url"]
        self.key = config["api_key"]

    def extract(self, last_run=None):
        assert last_run is None or last_run.tzinfo is UTC
        request = Request(f"{self.url}/data?per_page=1000", headers={"Authorization": f"Bearer {self.key}"})
        with urlopen(request, timeout=10) as response:
            items = json.load(response)["results"]
        for item in items:
            item["changed_at"] = datetime.fromisoformat(item["changed_at"])
            item["score"] = int(item["score"]) if item["score"].is_integer() else item["score"]
        return iter([Row(item) for item in items if last_run is None or item["changed_at"] >= last_run])
