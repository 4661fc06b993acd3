"""It posts again when it is not sure, and writes the rows twice.

Caught by: destination.batches
"""

from acme.sdk import DestinationConnector, WriteMode


class WritesTwice(DestinationConnector):
    write_modes = frozenset({WriteMode.APPEND})

    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        for _ in range(2):
            written = self.http.post(self.endpoint, json={"data": rows, "mode": write_mode.value}).json()[
                "rows_written"
            ]
        return written

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
