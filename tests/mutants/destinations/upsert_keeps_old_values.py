"""Its upsert changes only what is not None.

Caught by: destination.upsert
"""

from acme.sdk import DestinationConnector, WriteMode


class UpsertKeepsOldValues(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        data = rows
        if write_mode is WriteMode.UPSERT:
            there = {row.get("id"): row for row in self.read_back()}
            data = [
                {
                    **row,
                    **there.get(row["id"], {}),
                    **{name: value for name, value in row.items() if value is not None},
                }
                for row in rows
            ]
        return self.http.post(self.endpoint, json={"data": data, "mode": write_mode.value}).json()[
            "rows_written"
        ]

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
