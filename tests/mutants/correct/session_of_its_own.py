"""It keeps a session of requests, whose adapter gives each request a time-out."""

import requests
from requests.adapters import HTTPAdapter

from acme.sdk import Row, SourceConnector


class Patient(HTTPAdapter):
    def send(self, request, timeout=None, **options):
        return super().send(request, timeout=timeout or (None, 20), **options)


class SessionOfItsOwn(SourceConnector):
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
        self.session = requests.Session()
        self.session.mount("http://", Patient())
        self.session.headers["Authorization"] = f"Bearer {config['api_key']}"

    def extract(self, last_run=None):
        query = {"offset": 0, "limit": self.page_size, "since": last_run and last_run.isoformat()}
        while True:
            response = self.session.get(f"{self.url}/offset", params=query)
            response.raise_for_status()
            data = response.json()
            yield from map(Row, data["items"])
            query["offset"] += len(data["items"])
            if query["offset"] >= data["total"]:
                return

    def health_check(self):
        return self.session.get(f"{self.url}/health").ok

    def teardown(self):
        self.session.close()
