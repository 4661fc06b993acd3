"""Its load() logs a failure and returns 0.

Caught by: destination.extremes, http.load_refused
"""

import logging

from acme.sdk import DestinationConnector


class HidesARefusal(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        try:
            return self.http.post(self.endpoint, json={"data": rows, "mode": write_mode.value}).json()[
                "rows_written"
            ]
        except Exception:
            logging.getLogger(__name__).exception("could not load %d rows", len(rows))
            return 0
