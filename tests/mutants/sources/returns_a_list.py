"""Its extract() returns a list.

Caught by: memory.streaming
"""

from acme.sdk import Row, SourceConnector


class ReturnsAList(SourceConnector):
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

    def extract(self, last_run=None):
        since = last_run.isoformat() if last_run else None
        rows, page, more = [], 1, True
        while more:
            query = {"page": page, "per_page": self.page_size, "since": since}
            data = self.http.get(f"{self.url}/data", params=query).json()
            rows.extend(map(Row, data["results"]))
            page, more = page + 1, data["has_more"]
        return rows

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
