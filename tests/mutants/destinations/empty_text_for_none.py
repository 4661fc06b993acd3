"""It writes an empty text where there is nothing.

Caught by: destination.stored
"""

from acme.sdk import DestinationConnector


class EmptyTextForNone(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        data = [{name: value or "" for name, value in row.items()} for row in rows]
        return self.http.post(self.endpoint, json={"data": data, "mode": write_mode.value}).json()[
            "rows_written"
        ]
