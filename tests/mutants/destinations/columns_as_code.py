"""It builds an expression out of the names of columns, and odd ones break it.

Caught by: destination.names
"""

from acme.sdk import DestinationConnector


class ColumnsAsCode(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        data = [eval("{" + ", ".join(f"'{n}': row['{n}']" for n in row) + "}", {"row": row}) for row in rows]
        return self.http.post(self.endpoint, json={"data": data, "mode": write_mode.value}).json()[
            "rows_written"
        ]
