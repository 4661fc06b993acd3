"""Its load() sends the rows by a session of its own, which has no time-out.

Caught by: http.own_client
"""

import requests

from acme.sdk import DestinationConnector


class PostsWithoutATimeout(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]
        self.session = requests.Session()

    def load(self, rows, write_mode):
        response = self.session.post(self.endpoint, json={"data": rows, "mode": write_mode.value})
        response.raise_for_status()
        return response.json()["rows_written"]

    def teardown(self):
        self.session.close()
