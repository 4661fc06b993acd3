"""Its teardown() refuses to work while an extraction is under way.

Caught by: lifecycle.abandoned, lifecycle.failed, memory.streaming, resume.rerun
"""

from acme.sdk import Row, SourceConnector


class TeardownRefuses(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "api_url": {"type": "string", "required": True},
            "api_key": {"type": "string", "required": True, "secret": True},
            "page_size": {"type": "integer", "default": 100},
        }

    def setup(self, config):
        self.api_url = config["api_url"]
        self.api_key = config["api_key"]
        self.page_size = config["page_size"]
        self.reading = False

    def extract(self, last_run=None):
        self.reading = True
        page = 1
        while True:
            response = self.http.get(
                f"{self.api_url}/data",
                params={"page": page, "per_page": self.page_size},
                headers={"Authorization": f"Bearer {self.api_key}"},
            )
            data = response.json()
            for item in data["results"]:
                yield Row(item)
            if not data["has_more"]:
                self.reading = False
                return
            page += 1

    def teardown(self):
        if self.reading:
            raise RuntimeError("an extraction is under way")

    def health_check(self):
        return self.http.get(f"{self.api_url}/health").status_code == 200
