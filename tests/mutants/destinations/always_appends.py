"""It appends, whatever the write mode.

Caught by: destination.overwrite, destination.upsert
"""

from acme.sdk import DestinationConnector


class AlwaysAppends(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        return self.http.post(self.endpoint, json={"data": rows, "mode": "append"}).json()["rows_written"]

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
