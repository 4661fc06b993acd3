"""Its load() renames a column in the rows themselves.

Caught by: destination.untouched
"""

from acme.sdk import DestinationConnector


class RenamesInPlace(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        for row in rows:
            row["_id"] = row.pop("id")
        return self.http.post(self.endpoint, json={"data": rows, "mode": write_mode.value}).json()[
            "rows_written"
        ]
