"""It has no rows to give."""

from acme.sdk import SourceConnector


class NothingNew(SourceConnector):
    def extract(self, last_run=None):
        yield from ()
