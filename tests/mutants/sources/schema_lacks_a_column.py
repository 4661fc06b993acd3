"""Its rows have a column that its schema does not have.

Caught by: streams.schema
"""

import pyarrow as pa

from acme.sdk import Row, SourceConnector, Stream


class SchemaLacksAColumn(SourceConnector):
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
        columns = {"id": pa.int64(), "name": pa.string(), "email": pa.string()}
        return [Stream("people", pa.schema(columns.items()), ("id",))]

    def extract_stream(self, stream, position):
        page = 1
        while True:
            query = {"page": page, "per_page": self.page_size}
            data = self.http.get(f"{self.url}/data", params=query).json()
            for item in data["results"]:
                yield Row({name: item[name] for name in ("id", "name", "email", "score")})
            if not data["has_more"]:
                return
            page += 1

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
