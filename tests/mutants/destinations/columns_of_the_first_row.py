"""It writes the columns of its first batch, and dies of a row that lacks one.

Caught by: destination.columns, destination.names
"""

from acme.sdk import DestinationConnector


class ColumnsOfTheFirstRow(DestinationConnector):
    columns = None

    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        for row in rows[:1]:
            self.columns = self.columns or list(row)
        data = [{name: row[name] for name in self.columns} for row in rows]
        return self.http.post(self.endpoint, json={"data": data, "mode": write_mode.value}).json()[
            "rows_written"
        ]
