"""It writes as asked, and shows what is there."""

import json

from acme.sdk import DestinationConnector


class CanBeReadBack(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        body = {"data": [row.to_dict() for row in rows], "mode": write_mode.value}
        return self.http.post(self.endpoint, data=json.dumps(body, default=str)).json()["rows_written"]

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
