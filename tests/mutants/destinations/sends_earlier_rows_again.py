"""It never empties what it gathers its rows in.

Caught by: destination.batches
"""

import json

from acme.sdk import DestinationConnector, WriteMode


class SendsEarlierRowsAgain(DestinationConnector):
    write_modes = frozenset({WriteMode.APPEND})

    def setup(self, config):
        self.endpoint = config["endpoint"]
        self.waiting = []

    def load(self, rows, write_mode):
        self.waiting += rows
        body = json.dumps({"data": self.waiting, "mode": write_mode.value}, default=str)
        written = self.http.post(self.endpoint, data=body).json()["rows_written"]
        if written < len(self.waiting):
            raise RuntimeError("the target did not write all rows")
        return len(rows)
