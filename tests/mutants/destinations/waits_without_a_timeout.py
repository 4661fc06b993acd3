"""Its load() waits for an answer for ever.

Caught by: http.load_hang
"""

from acme.sdk import DestinationConnector


class WaitsWithoutATimeout(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        body = {"data": rows, "mode": write_mode.value}
        return self.http.post(self.endpoint, json=body, timeout=None).json()["rows_written"]
