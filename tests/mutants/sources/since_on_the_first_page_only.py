"""It leaves the filter out from the second page on.

Caught by: incremental.old_rows
"""

from acme.sdk import Row, SourceConnector, Stream


class SinceOnTheFirstPageOnly(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "api_url": {"type": "string", "required": True},
            "api_key": {"type": "string", "required": True, "secret": True},
            "page_size": {"type": "integer", "default": 20},
        }

    def setup(self, config):
        self.url = config["api_url"]
        self.page_size = config["page_size"]
        self.http.headers["Authorization"] = f"Bearer {config['api_key']}"

    def streams(self):
        return [Stream("people", primary_key=("id",), cursor_field="changed_at")]

    def extract_stream(self, stream, position):
        page = 1
        while True:
            query = {"page": page, "per_page": self.page_size}
            if page == 1:
                query["since"] = position.cursor
            data = self.http.get(f"{self.url}/data", params=query).json()
            for item in data["results"]:
                yield Row(item)
            if not data["has_more"]:
                return
            page += 1

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
