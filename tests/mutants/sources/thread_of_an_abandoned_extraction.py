"""It reads ahead with a thread, which only a complete extraction ends.

Caught by: lifecycle.leaks
"""

import queue
import threading

from acme.sdk import Row, SourceConnector


class ThreadOfAnAbandonedExtraction(SourceConnector):
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

    def read(self, pages, since):
        page, more = 1, True
        while more:
            query = {"page": page, "per_page": self.page_size, "since": since}
            try:
                data = self.http.get(f"{self.url}/data", params=query).json()
            except BaseException as error:  # noqa: BLE001 - raised where the rows are read
                data = {"results": error, "has_more": False}
            pages.put(data)
            page, more = page + 1, data["has_more"]

    def extract(self, last_run=None):
        pages = queue.Queue(maxsize=1)
        since = last_run.isoformat() if last_run else None
        threading.Thread(target=self.read, args=(pages, since), daemon=True).start()
        while True:
            data = pages.get()
            if isinstance(data["results"], BaseException):
                raise data["results"]
            yield from map(Row, data["results"])
            if not data["has_more"]:
                return

    def health_check(self):
        return self.http.get(f"{self.url}/health").status_code == 200
