"""It turns integers into floats.

Caught by: destination.stored
"""

from acme.sdk import DestinationConnector


class IntegersAsFloats(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        data = [
            {
                name: float(value) if type(value) is int and name != "id" else value
                for name, value in row.items()
            }
            for row in rows
        ]
        return self.http.post(self.endpoint, json={"data": data, "mode": write_mode.value}).json()[
            "rows_written"
        ]

    def read_back(self):
        return self.http.get(self.endpoint.replace("/load", "/table")).json()
