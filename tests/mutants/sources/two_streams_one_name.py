"""Two of its streams have the same name.

Caught by: streams.names
"""

from acme.sdk import Row, SourceConnector, Stream


class TwoStreamsOneName(SourceConnector):
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
        people = Stream("people", primary_key=("id",), cursor_field="changed_at")
        return [people, Stream("people")]

    def extract_stream(self, stream, position):
        page = 1
        while True:
            query = {"page": page, "per_page": self.page_size, "since": position.cursor}
            data = self.http.get(f"{self.url}/data", params=query).json()
            for item in data["results"]:
                yield Row(item)
            if not data["has_more"]:
                return
            page += 1

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
