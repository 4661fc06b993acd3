"""It writes every value as text.

Caught by: destination.stored
"""

from acme.sdk import DestinationConnector


class WritesNumbersAsText(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        data = [{name: None if value is None else str(value) for name, value in row.items()} for row in rows]
        return self.http.post(self.endpoint, json={"data": data, "mode": write_mode.value}).json()[
            "rows_written"
        ]

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
