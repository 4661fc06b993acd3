"""It reads pages ahead with threads of its own, which it ends, and reports its health in detail."""

from concurrent.futures import ThreadPoolExecutor

from acme.sdk import HealthReport, HealthStatus, Row, SourceConnector


class CursorPages(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "api_url": {"type": "string", "required": True},
            "api_key": {"type": "string", "required": True, "secret": True},
            "page_size": {"type": "integer", "default": 50, "minimum": 1},
            "next_page_token": {"type": "string"},
        }

    def setup(self, config):
        self.config = config
        self.pool = ThreadPoolExecutor(max_workers=2)
        self.http.headers["Authorization"] = f"Bearer {config['api_key']}"

    def page(self, number):
        query = {"page": number, "per_page": self.config["page_size"]}
        return self.http.get(f"{self.config['api_url']}/data", params=query).json()

    def extract(self, last_run=None):
        number, coming = 1, self.pool.submit(self.page, 1)
        while coming is not None:
            page = coming.result()
            number += 1
            coming = self.pool.submit(self.page, number) if page["has_more"] else None
            for item in page["results"]:
                if item["email"] is None:
                    del item["email"]
                yield Row(item)

    def health_check(self):
        response = self.http.get(f"{self.config['api_url']}/health")
        if response.status_code != 200:
            return HealthReport(HealthStatus.UNHEALTHY, code="api.down", message="the API is down")
        return HealthReport(HealthStatus.HEALTHY, server_version="API 1")

    def teardown(self):
        self.pool.shutdown()
