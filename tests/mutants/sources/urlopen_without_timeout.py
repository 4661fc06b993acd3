"""It reads by urlopen(), which has no time-out unless it is given one.

Caught by: http.own_client
"""

import json
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from acme.sdk import Row, SourceConnector


class UrlopenWithoutTimeout(SourceConnector):
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

    def page(self, number, since):
        query = {"page": number, "per_page": self.page_size, **({"since": since} if since else {})}
        with urlopen(Request(f"{self.url}/data?{urlencode(query)}", headers=self.headers)) as response:
            return json.load(response)

    def extract(self, last_run=None):
        page = 1
        while True:
            data = self.page(page, last_run.isoformat() if last_run else None)
            yield from map(Row, data["results"])
            if not data["has_more"]:
                return
            page += 1
