"""Its load() returns how many rows it sent, not how many the server took.

Caught by: destination.partial
"""

from acme.sdk import DestinationConnector


class CountsWhatItSent(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        self.http.post(self.endpoint, json={"data": rows, "mode": write_mode.value}).raise_for_status()
        return len(rows)
