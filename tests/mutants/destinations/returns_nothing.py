"""Its load() forgets to return the count.

Caught by: destination.count
"""

from acme.sdk import DestinationConnector


class ReturnsNothing(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        payload = [row.to_dict() for row in rows]
        self.http.post(self.endpoint, json={"data": payload, "mode": write_mode.value}).json()
