"""Its load() takes the rows out of the list that it is given.

Caught by: destination.untouched
"""

from acme.sdk import DestinationConnector


class EmptiesTheBatch(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        batch = []
        while rows:
            batch.append(rows.pop(0))
        return self.http.post(self.endpoint, json={"data": batch, "mode": write_mode.value}).json()[
            "rows_written"
        ]
