"""It takes upsert for append.

Caught by: destination.upsert
"""

from acme.sdk import DestinationConnector, WriteMode


class UpsertAppends(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        mode = "overwrite" if write_mode is WriteMode.OVERWRITE else "append"
        return self.http.post(self.endpoint, json={"data": rows, "mode": mode}).json()["rows_written"]

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
