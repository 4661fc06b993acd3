"""Its load() dies of a NUL in a way that leaves it broken.

Caught by: destination.extremes
"""

import json

from acme.sdk import DestinationConnector


class ChokesOnExtremes(DestinationConnector):
    broken = False

    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        if self.broken:
            raise RuntimeError("current transaction is aborted")
        self.broken = "\\u0000" in json.dumps(rows, default=str)
        if self.broken:
            raise ValueError("NUL in text")
        body = json.dumps({"data": rows, "mode": write_mode.value}, default=str)
        return self.http.post(self.endpoint, data=body).json()["rows_written"]
