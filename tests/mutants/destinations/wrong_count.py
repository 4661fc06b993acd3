"""Its load() counts the header as a row.

Caught by: destination.count
"""

from acme.sdk import DestinationConnector


class WrongCount(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        payload = [row.to_dict() for row in rows]
        response = self.http.post(self.endpoint, json={"data": payload, "mode": write_mode.value})
        return response.json()["rows_written"] + 1
