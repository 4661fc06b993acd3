"""It leaves out a record whose time it cannot read, and only logs that.

Caught by: extraction.odd_record
"""

import logging
from datetime import datetime

from acme.sdk import Row, SourceConnector


class DropsWhatHasNoTime(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "api_url": {"type": "string", "required": True},
            "api_key": {"type": "string", "required": True, "secret": True},
            "page_size": {"type": "integer", "default": 100},
        }

    def setup(self, config):
        self.url = config["api_url"]
        self.page_size = config["page_size"]
        self.http.headers["Authorization"] = f"Bearer {config['api_key']}"

    def parse(self, item):
        changed_at = datetime.strptime(item["changed_at"], "%Y-%m-%dT%H:%M:%S%z")
        return {"user_id": item["id"], "name": item["name"], "changed_at": changed_at}

    def extract(self, last_run=None):
        since = last_run.isoformat() if last_run else None
        page = 1
        while True:
            query = {"page": page, "per_page": self.page_size, "since": since}
            data = self.http.get(f"{self.url}/data", params=query).json()
            for item in data["results"]:
                try:
                    yield Row(self.parse(item))
                except Exception:  # noqa: BLE001 - part of the mistake
                    logging.getLogger(__name__).warning("skipped a record")
            if not data["has_more"]:
                return
            page += 1

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
