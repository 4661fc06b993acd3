"""It notes in a file of its own how far it came, and begins there the next time.

Caught by: extraction.repeatable
"""

import hashlib
import tempfile
from pathlib import Path

from acme.sdk import Row, SourceConnector


class KeepsItsPlaceInAFile(SourceConnector):
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
        name = hashlib.sha256(self.url.encode()).hexdigest()
        place = Path(tempfile.gettempdir()) / f"people-{name}"
        page = int(place.read_text()) if place.exists() else 1
        while True:
            query = {"page": page, "per_page": self.page_size}
            data = self.http.get(f"{self.url}/data", params=query).json()
            place.write_text(str(page + 1))
            yield from map(Row, data["results"])
            if not data["has_more"]:
                return
            page += 1

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
