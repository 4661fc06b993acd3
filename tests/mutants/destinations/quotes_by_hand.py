"""Its load() builds JSON by hand, and quotes break it.

Caught by: destination.values
"""

from acme.sdk import DestinationConnector


class QuotesByHand(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        rows_of_json = ",".join("{" + ",".join(f'"{k}": "{v}"' for k, v in row.items()) + "}" for row in rows)
        body = f'{{"mode": "{write_mode.value}", "data": [{rows_of_json}]}}'
        return self.http.post(self.endpoint, data=body.encode()).json()["rows_written"]
