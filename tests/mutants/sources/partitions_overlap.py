"""Each part holds the whole stream.

Caught by: streams.partitions
"""

from acme.sdk import Partition, Row, SourceConnector, Stream


class PartitionsOverlap(SourceConnector):
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
        return [Stream("people", primary_key=("id",))]

    def partitions(self, stream):
        return [Partition(name, {"region": name}) for name in self.http.get(f"{self.url}/regions").json()]

    def extract_stream(self, stream, position):
        regions = [position.partition] if position.partition else self.partitions(stream)[:1]
        for _ in regions:
            page, more = 1, True
            while more:
                query = {"page": page, "per_page": self.page_size}
                path = f"{self.url}/data"
                data = self.http.get(path, params=query).json()
                yield from map(Row, data["results"])
                page, more = page + 1, data["has_more"]

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
