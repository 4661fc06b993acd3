"""It reads by offset and limit, and makes times of the texts."""

from datetime import datetime

from acme.sdk import Row, SourceConnector


class CountsOffsets(SourceConnector):
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
        offset, total = 0, 1
        while offset < total:
            query = {"offset": offset, "limit": self.page_size, "since": since}
            data = self.http.get(f"{self.url}/offset", params=query).json()
            for item in data["items"]:
                yield Row({**item, "changed_at": datetime.fromisoformat(item["changed_at"])})
            total = data["total"]
            offset += len(data["items"]) or total

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
