"""Its load() does not look at the answer.

Caught by: http.load_refused
"""

from acme.sdk import DestinationConnector


class CountsRefusedRows(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        payload = [row.to_dict() for row in rows]
        self.http.post(self.endpoint, json={"data": payload, "mode": write_mode.value})
        return len(rows)
