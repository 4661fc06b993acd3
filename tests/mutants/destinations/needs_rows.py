"""Its load() fails on an empty batch.

Caught by: destination.empty
"""

from acme.sdk import DestinationConnector


class NeedsRows(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        columns = list(rows[0])
        payload = [row.to_dict() for row in rows]
        response = self.http.post(
            self.endpoint, json={"data": payload, "columns": columns, "mode": write_mode.value}
        )
        return response.json()["rows_written"]
