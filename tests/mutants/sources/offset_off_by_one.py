"""Its pages overlap by a record.

Caught by: streams.primary_key
"""

from acme.sdk import Row, SourceConnector, Stream


class OffsetOffByOne(SourceConnector):
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
        offset, total = 0, 1
        while offset < total:
            query = {"offset": offset, "limit": self.page_size, "since": position.cursor}
            data = self.http.get(f"{self.url}/offset", params=query).json()
            yield from map(Row, data["items"])
            total = data["total"]
            offset += self.page_size - 1

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
