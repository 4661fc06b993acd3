"""It splits batches, and forgets the rows that make no full part.

Caught by: destination.batches
"""

from acme.sdk import DestinationConnector


class SendsFullPartsOnly(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        size = min(len(rows), 100) or 1
        for part in range(len(rows) // size):
            data = rows[part * size : (part + 1) * size]
            answer = self.http.post(self.endpoint, json={"data": data, "mode": write_mode.value}).json()
            if answer["rows_written"] < len(data):
                raise RuntimeError("the target did not write all rows")
        return len(rows)
