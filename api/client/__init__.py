"""A client of the HTTP API, typed by the models that the server answers with.

It needs neither Flask nor Dagster: the base installation is enough.
"""

from api.client.client import Client
from api.client.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from api.schemas import (
    CheckItem,
    ConnectorConfiguration,
    ConnectorDraft,
    ConnectorHealth,
    ConnectorItem,
    ConnectorPatch,
    Failure,
    LaunchedRun,
    PipelineItem,
    ProblemField,
    Run,
    SslOptions,
    StreamItem,
    TestConnected,
    TestFailed,
    TestRequest,
    Uptime,
)

__all__ = [
    "ApiError",
    "CheckItem",
    "Client",
    "ConflictError",
    "ConnectorConfiguration",
    "ConnectorDraft",
    "ConnectorHealth",
    "ConnectorItem",
    "ConnectorPatch",
    "Failure",
    "ForbiddenError",
    "LaunchedRun",
    "NotFoundError",
    "PipelineItem",
    "ProblemField",
    "RateLimitedError",
    "RefusedError",
    "Run",
    "ServerError",
    "SslOptions",
    "StreamItem",
    "TestConnected",
    "TestFailed",
    "TestRequest",
    "UnauthorizedError",
    "UnreachableError",
    "Uptime",
]
