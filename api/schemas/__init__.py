"""The requests and answers of the API, as pydantic models: what OpenAPI shows and what clients read.

Nothing here needs Flask or Dagster: the server and `api.client` share it.
"""

from __future__ import annotations

from api.schemas.base import Model, Role, Status, Timestamp
from api.schemas.connection_tests import SslOptions, TestConnected, TestFailed, TestRequest, TestResultAnswer
from api.schemas.connector_types import (
    ConnectorTypeAnswer,
    ConnectorTypeItem,
    ConnectorTypeListAnswer,
    DestinationCapabilities,
    SourceCapabilities,
    TypePath,
    TypeRole,
)
from api.schemas.connectors import (
    CheckItem,
    ConnectorHealth,
    ConnectorHealthAnswer,
    ConnectorItem,
    ConnectorListAnswer,
    ConnectorPath,
    Failure,
    ListedHealth,
    Uptime,
)
from api.schemas.pipelines import PipelineAnswer, PipelineItem, PipelineListAnswer, PipelinePath, StreamItem
from api.schemas.problems import Problem, ProblemField
from api.schemas.registration import (
    ConnectorConfiguration,
    ConnectorConfigurationAnswer,
    ConnectorDraft,
    ConnectorPatch,
)
from api.schemas.runs import MAX_WAIT_S, LaunchAnswer, LaunchedRun, LaunchQuery, Run, RunAnswer, RunPath
from api.schemas.steps import StepItem, Steps
from api.schemas.streams import SourceStream, StreamColumn, StreamListAnswer, StreamQuery

__all__ = [
    "MAX_WAIT_S",
    "CheckItem",
    "ConnectorConfiguration",
    "ConnectorConfigurationAnswer",
    "ConnectorDraft",
    "ConnectorHealth",
    "ConnectorHealthAnswer",
    "ConnectorItem",
    "ConnectorListAnswer",
    "ConnectorPatch",
    "ConnectorPath",
    "ConnectorTypeAnswer",
    "ConnectorTypeItem",
    "ConnectorTypeListAnswer",
    "DestinationCapabilities",
    "Failure",
    "LaunchAnswer",
    "LaunchQuery",
    "LaunchedRun",
    "ListedHealth",
    "Model",
    "PipelineAnswer",
    "PipelineItem",
    "PipelineListAnswer",
    "PipelinePath",
    "Problem",
    "ProblemField",
    "Role",
    "Run",
    "RunAnswer",
    "RunPath",
    "SourceCapabilities",
    "SourceStream",
    "SslOptions",
    "Status",
    "StepItem",
    "Steps",
    "StreamColumn",
    "StreamItem",
    "StreamListAnswer",
    "StreamQuery",
    "TestConnected",
    "TestFailed",
    "TestRequest",
    "TestResultAnswer",
    "Timestamp",
    "TypePath",
    "TypeRole",
    "Uptime",
]
