"""Its load() returns True for success.

Caught by: destination.count
"""

from acme.sdk import DestinationConnector


class ReturnsSuccess(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        return (
            self.http.post(self.endpoint, json={"data": rows, "mode": write_mode.value}).json()[
                "rows_written"
            ]
            > 0
        )
