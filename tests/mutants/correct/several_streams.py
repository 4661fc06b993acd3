"""Several streams, with primary keys and a cursor."""

from acme.sdk import Row, SourceConnector, Stream


class SeveralStreams(SourceConnector):
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
        return [people, Stream("regions", primary_key=("name",))]

    def regions(self):
        for name in self.http.get(f"{self.url}/regions").json():
            yield Row({"name": name})

    def people(self, since):
        query = {"limit": self.page_size, "since": since}
        while True:
            data = self.http.get(f"{self.url}/after", params=query).json()
            yield from map(Row, data["items"])
            if data["next"] is None or data["next"] == query.get("after"):
                return
            query["after"] = data["next"]

    def extract_stream(self, stream, position):
        return self.people(position.cursor) if stream.name == "people" else self.regions()

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
