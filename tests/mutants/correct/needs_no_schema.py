"""It has no schema, no health check and no teardown: the least there can be."""

from acme.sdk import Row, SourceConnector


class NeedsNoSchema(SourceConnector):
    def setup(self, config):
        self.url = config["api_url"]
        self.key = config["api_key"]

    def extract(self, last_run=None):
        more, after = True, 0
        while more:
            query = {"after": after, "since": last_run and last_run.isoformat()}
            headers = {"Authorization": f"Bearer {self.key}"}
            data = self.http.get(f"{self.url}/after", params=query, headers=headers).json()
            yield from [Row(item) for item in data["items"]]
            more, after = data["next"] is not None, data["next"]
