"""Its load() cannot write text beyond ASCII.

Caught by: destination.values
"""

from acme.sdk import DestinationConnector


class OnlyAscii(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        payload = [{name: str(value).encode("ascii").decode() for name, value in row.items()} for row in rows]
        response = self.http.post(self.endpoint, json={"data": payload, "mode": write_mode.value})
        return response.json()["rows_written"]
