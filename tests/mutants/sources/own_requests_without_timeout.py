"""It asks by requests.get() without a time-out instead of self.http.

Caught by: http.own_client
"""

import requests

from acme.sdk import Row, SourceConnector


class OwnRequestsWithoutTimeout(SourceConnector):
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
        self.headers = {"Authorization": f"Bearer {config['api_key']}"}

    def extract(self, last_run=None):
        since = last_run.isoformat() if last_run else None
        page = 1
        while True:
            query = {"page": page, "per_page": self.page_size, "since": since}
            data = requests.get(f"{self.url}/data", params=query, headers=self.headers).json()
            for item in data["results"]:
                yield Row(item)
            if not data["has_more"]:
                return
            page += 1
