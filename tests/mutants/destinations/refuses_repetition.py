"""Its load() takes a batch that comes again for a mistake.

Caught by: destination.names, destination.repeat
"""

import json

from acme.sdk import DestinationConnector


class RefusesRepetition(DestinationConnector):
    known = frozenset()

    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        batch = json.dumps(rows, default=str)
        if rows and batch in self.known:
            raise RuntimeError("this batch was loaded before")
        self.known = {*self.known, batch}
        body = f'{{"data": {batch}, "mode": "{write_mode.value}"}}'
        return self.http.post(self.endpoint, data=body.encode()).json()["rows_written"]
