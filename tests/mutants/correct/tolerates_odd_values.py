"""It makes None of what it cannot read, and leaves out records without a region, which are drafts."""

from datetime import datetime

from acme.sdk import Row, SourceConnector


class ToleratesOddValues(SourceConnector):
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

    def read(self, item, field, kind):
        try:
            return kind(item[field])
        except (TypeError, ValueError):
            return None

    def extract(self, last_run=None):
        since = last_run.isoformat() if last_run else None
        page, more = 1, True
        while more:
            query = {"page": page, "per_page": self.page_size, "since": since}
            data = self.http.get(f"{self.url}/data", params=query).json()
            for item in data["results"]:
                if not item["region"]:
                    continue
                score = self.read(item, "score", float)
                changed_at = self.read(item, "changed_at", datetime.fromisoformat)
                yield Row(id=item["id"], region=item["region"], score=score, changed_at=changed_at)
            page, more = page + 1, data["has_more"]

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
