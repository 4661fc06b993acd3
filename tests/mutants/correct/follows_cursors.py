"""It follows the cursor in each answer, with a generator for the pages and one for the rows."""

from acme.sdk import Row, SourceConnector


class FollowsCursors(SourceConnector):
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

    def pages(self, query):
        while True:
            data = self.http.get(f"{self.url}/after", params=query).json()
            yield data["items"]
            if data["next"] is None:
                return
            query = {**query, "after": data["next"]}

    def extract(self, last_run=None):
        query = {"limit": self.page_size}
        if last_run is not None:
            query["since"] = last_run.isoformat()
        for page in self.pages(query):
            yield from map(Row, page)

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
