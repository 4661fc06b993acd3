"""It follows the Link header, and flattens what is nested."""

from acme.sdk import Row, SourceConnector


class FollowsLinks(SourceConnector):
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

    def extract(self, last_run=None):
        url = f"{self.url}/linked?per_page={self.page_size}"
        while url:
            response = self.http.get(url)
            for item in response.json():
                item["tags"] = ",".join(item["tags"])
                yield Row(item)
            url = response.links.get("next", {}).get("url")

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
