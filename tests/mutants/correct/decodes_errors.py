"""It says itself what an error of its API means, and hides its key from repr()."""

from acme.sdk import FatalError, HealthReport, HealthStatus, Row, SourceConnector


class DecodesErrors(SourceConnector):
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

    def page(self, **query):
        response = self.http.get(f"{self.url}/data", params=query)
        if response.status_code == 401:
            raise FatalError("the key is not valid", code="people.unauthorized", hint="make a new one")
        return response.json()

    def __repr__(self):
        return f"DecodesErrors({self.url!r})"

    def extract(self, last_run=None):
        page, more = 1, True
        while more:
            data = self.page(page=page, per_page=self.page_size, since=last_run and last_run.isoformat())
            for item in data["results"]:
                yield Row(id=item["id"], name=item["name"], email=item["email"] or "", score=item["score"])
            page, more = page + 1, data["has_more"]

    def health_check(self):
        response = self.http.get(f"{self.url}/health")
        if not response.ok:
            return HealthReport(HealthStatus.UNHEALTHY, code="people.down", message="the API is down")
        return HealthReport(HealthStatus.HEALTHY, server_version="people 1")
