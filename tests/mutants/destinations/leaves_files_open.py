"""Its load() spools each batch into a file that it leaves open.

Caught by: lifecycle.leaks
"""

import json
import tempfile

from acme.sdk import DestinationConnector


class LeavesFilesOpen(DestinationConnector):
    spools = ()

    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        spool = tempfile.NamedTemporaryFile("w+")  # noqa: SIM115 - part of the mistake
        json.dump({"data": rows, "mode": write_mode.value}, spool)
        spool.seek(0)
        self.spools = [*self.spools, spool]
        return self.http.post(self.endpoint, data=spool.read()).json()["rows_written"]
