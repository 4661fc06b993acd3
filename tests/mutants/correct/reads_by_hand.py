"""It uses the standard library, with a time-out, and nothing of self.http."""

import json
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from acme.sdk import Row, SourceConnector


class ReadsByHand(SourceConnector):
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

    def get(self, path, **query):
        request = Request(f"{self.url}{path}?{urlencode(query)}", headers=self.headers)
        with urlopen(request, timeout=10) as response:
            return json.load(response)

    def extract(self, last_run=None):
        pages = page = 1
        while page <= pages:
            query = {"since": last_run.isoformat()} if last_run else {}
            data = self.get("/numbered", page=page, per_page=self.page_size, **query)
            yield from (Row(item) for item in data["items"])
            pages, page = data["pages"], page + 1

    def health_check(self):
        return self.get("/health")["ok"]
