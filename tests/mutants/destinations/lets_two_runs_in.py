"""Its lock is of the object, so that another run has one of its own.

Caught by: destination.exclusive
"""

from contextlib import contextmanager
from threading import Lock

from acme.sdk import StagedDestination


class LetsTwoRunsIn(StagedDestination):
    def setup(self, config):
        self.lock = Lock()

    @contextmanager
    def exclusive(self, pipeline, stream, run_id):
        with self.lock:
            yield

    def open_load(self, plan):
        raise NotImplementedError

    def finish_refresh(self, plan, state):
        raise NotImplementedError

    def state(self, pipeline, stream):
        return None
