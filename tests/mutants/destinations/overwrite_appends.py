"""It knows upsert and takes everything else for append.

Caught by: destination.overwrite
"""

from acme.sdk import DestinationConnector, WriteMode


class OverwriteAppends(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        mode = "upsert" if write_mode is WriteMode.UPSERT else "append"
        return self.http.post(self.endpoint, json={"data": rows, "mode": mode}).json()["rows_written"]

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
