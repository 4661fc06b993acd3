"""What the Dagster instance holds, read back: checks, loads and runs, and the states that they tell."""

from acme_orchestration.instance.availability import InstanceUnavailableError
from acme_orchestration.instance.evaluation import CheckRecord
from acme_orchestration.instance.pipelines import PipelineState
from acme_orchestration.instance.reader import InstanceReader
from acme_orchestration.instance.runs import RunState
from acme_orchestration.instance.states import ConnectorState, stale_after

__all__ = [
    "CheckRecord",
    "ConnectorState",
    "InstanceReader",
    "InstanceUnavailableError",
    "PipelineState",
    "RunState",
    "stale_after",
]
