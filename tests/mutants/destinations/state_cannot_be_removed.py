"""It stores a state, and takes None for nothing to store.

Caught by: destination.state
"""

from typing import ClassVar

from acme.sdk import StagedDestination


class StateCannotBeRemoved(StagedDestination):
    table: ClassVar[dict] = {}

    def replace_state(self, plan, state):
        if state is not None:
            self.table[plan.pipeline, plan.stream] = state

    def state(self, pipeline, stream):
        return self.table.get((pipeline, stream))

    def open_load(self, plan):
        raise NotImplementedError

    def finish_refresh(self, plan, state):
        raise NotImplementedError
