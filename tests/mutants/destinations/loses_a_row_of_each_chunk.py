"""It splits batches and loses the last row of each part.

Caught by: destination.batches
"""

from acme.sdk import DestinationConnector


class LosesARowOfEachChunk(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        for start in range(0, len(rows), 2):
            data = rows[start : start + 1]
            self.http.post(self.endpoint, json={"data": data, "mode": write_mode.value}).raise_for_status()
        return len(rows)

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
