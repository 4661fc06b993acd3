"""It asks for one page too many, and gets the last one again.

Caught by: streams.primary_key
"""

from acme.sdk import Row, SourceConnector, Stream


class RepeatsTheLastPage(SourceConnector):
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

    def streams(self):
        return [Stream("people", primary_key=("id",), cursor_field="changed_at")]

    def extract_stream(self, stream, position):
        pages, page = 1, 0
        while page <= pages:
            page += 1
            query = {"page": page, "per_page": self.page_size, "since": position.cursor}
            data = self.http.get(f"{self.url}/numbered", params=query).json()
            yield from map(Row, data["items"])
            pages = data["pages"]

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
