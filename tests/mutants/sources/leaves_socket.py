"""It uses a session of its own that it never closes.

Caught by: lifecycle.leaks
"""

import requests

from acme.sdk import Row, SourceConnector


class LeavesSocket(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "api_url": {"type": "string", "required": True},
            "api_key": {"type": "string", "required": True, "secret": True},
            "page_size": {"type": "integer", "default": 100},
        }

    def setup(self, config):
        self.api_url = config["api_url"]
        self.api_key = config["api_key"]
        self.page_size = config["page_size"]
        self.session = requests.Session()

    def extract(self, last_run=None):
        page = 1
        while True:
            response = self.session.get(
                f"{self.api_url}/data",
                params={"page": page, "per_page": self.page_size},
                headers={"Authorization": f"Bearer {self.api_key}"},
                timeout=10,
            )
            data = response.json()
            for item in data["results"]:
                yield Row(item)
            if not data["has_more"]:
                return
            page += 1

    def health_check(self):
        return self.http.get(f"{self.api_url}/health").status_code == 200
