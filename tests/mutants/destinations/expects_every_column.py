"""Its load() takes for granted that the columns are those of the first batch.

Caught by: destination.values
"""

from acme.sdk import DestinationConnector


class ExpectsEveryColumn(DestinationConnector):
    columns = None

    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        for row in rows:
            self.columns = self.columns or set(row)
            if set(row) - self.columns:
                raise ValueError(f"unexpected column {(set(row) - self.columns).pop()}")
        return self.http.post(self.endpoint, json={"data": rows, "mode": write_mode.value}).json()[
            "rows_written"
        ]
