"""It declares all write modes, but has only two.

Caught by: destination.modes
"""

from acme.sdk import DestinationConnector, WriteMode


class CannotUpsert(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        if write_mode is WriteMode.UPSERT:
            raise NotImplementedError("upsert")
        payload = [row.to_dict() for row in rows]
        response = self.http.post(self.endpoint, json={"data": payload, "mode": write_mode.value})
        return response.json()["rows_written"]
