"""The client: a method for each endpoint."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlsplit

from acme_sdk.errors import ConfigurationError
from api.client.transport import Transport
from api.schemas import (
    MAX_WAIT_S,
    ConnectorConfiguration,
    ConnectorConfigurationAnswer,
    ConnectorDraft,
    ConnectorHealth,
    ConnectorHealthAnswer,
    ConnectorItem,
    ConnectorListAnswer,
    ConnectorPatch,
    ConnectorTypeAnswer,
    ConnectorTypeItem,
    ConnectorTypeListAnswer,
    LaunchAnswer,
    LaunchedRun,
    PipelineAnswer,
    PipelineItem,
    PipelineListAnswer,
    Role,
    Run,
    RunAnswer,
    SourceStream,
    Status,
    StreamListAnswer,
    TestConnected,
    TestFailed,
    TestRequest,
    TestResultAnswer,
)

__all__ = ["Client"]

_PAGE = 500
_PAGE_WITH_HEALTH = 100
_POLL_S = 1.0
_TYPES = "/api/v1/connector-types"


class Client:
    """The HTTP API of a server.

    Calls are repeated after a lost connection, 429 and 503, as long as that cannot do anything twice; a pause
    that the server asks for is kept. All methods raise an `ApiError`: a subclass says what kind of failure it
    is, its ``code`` which one. Each thread needs a client of its own.

    Args:
        url: Where the server is; ``$ACME_API_URL`` by default.
        key: The API key; ``$ACME_API_KEY`` by default. A server on loopback may need none.
        timeout: Seconds to wait for an answer.

    Raises:
        ConfigurationError: There is no address (code ``url.missing``), or it or the key is none
            (``url.invalid``, ``key.invalid``).

    >>> with Client("https://connectors.example.com") as client:  # doctest: +SKIP
    ...     broken = [connector.name for connector in client.connectors(status="unhealthy")]
    """

    def __init__(self, url: str | None = None, *, key: str | None = None, timeout: float = 30.0) -> None:
        url = url or os.environ.get("ACME_API_URL")
        if not url:
            raise ConfigurationError(
                "nobody says where the API is",
                code="url.missing",
                hint="give the address, or set ACME_API_URL, e.g. to https://connectors.example.com",
            )
        self._transport = Transport(url, key or os.environ.get("ACME_API_KEY"), timeout)

    def __repr__(self) -> str:
        return f"Client({self._transport.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # Connectors

    def connectors(
        self,
        *,
        name: str | Sequence[str] | None = None,
        role: Role | None = None,
        type: str | Sequence[str] | None = None,
        status: Status | Sequence[Status] | None = None,
        pipeline: str | None = None,
        q: str | None = None,
        sort: str | None = None,
        health: bool = False,
        page_size: int = _PAGE,
    ) -> Iterator[ConnectorItem]:
        """Yield connectors, each page asked for when it is wanted.

        A page that has not changed since it was asked for last is not sent anew.

        Args:
            name: Only that of this name, or of one of these.
            role: Only sources, or destinations.
            type: Only those of this type, or one of these.
            status: Only those in this state, or one of these.
            pipeline: Only those that this pipeline, asset or job uses.
            q: Only those with this in their name, type, description or the names of their pipelines.
            sort: By ``name``, ``type``, ``role``, ``status`` or ``last_check``; with ``-`` in front, the
                other way round.
            health: With the `health` of each in short; pages have 100 at most then.
            page_size: How many to ask for at a time.
        """
        params: dict[str, Any] = {
            "name": name,
            "role": role,
            "type": type,
            "status": status,
            "pipeline": pipeline,
            "q": q,
            "sort": sort,
            "include": "health" if health else None,
            "limit": min(page_size, _PAGE_WITH_HEALTH) if health else page_size,
        }
        while True:
            page = self._transport.get(ConnectorListAnswer, "/api/v1/connectors", params)
            yield from page.data
            if page.next is None:
                return
            # The rest of the address is ours: an answer cannot lead to another server.
            params["cursor"] = parse_qs(urlsplit(page.next).query)["cursor"][0]

    def counts(self) -> dict[Status, int]:
        """Return how many connectors are in each state."""
        page = self._transport.get(
            ConnectorListAnswer, "/api/v1/connectors", {"include": "counts", "limit": 1}
        )
        return dict(page.counts or {})

    def connector(self, name: str) -> ConnectorConfiguration:
        """Return a connector as it is declared or registered; its ``version`` is what `change` takes."""
        return self._transport.get(ConnectorConfigurationAnswer, _connector(name)).data

    def health(self, name: str) -> ConnectorHealth:
        """Return a connector's state, the last checks and the uptime."""
        return self._transport.get(ConnectorHealthAnswer, f"{_connector(name)}/health").data

    def streams(self, name: str, *, max_age: int | None = None) -> list[SourceStream]:
        """Return what a source can read; a destination has no streams.

        Args:
            name: The connector.
            max_age: How old the answer may be, in seconds; 0 has the source asked. Five minutes by default.
        """
        path = f"{_connector(name)}/streams"
        return list(self._transport.get(StreamListAnswer, path, {"max_age": max_age}).data)

    def connector_types(self) -> list[ConnectorTypeItem]:
        """Return all connector types, with the JSON Schemas of their configurations."""
        return list(self._transport.get(ConnectorTypeListAnswer, _TYPES).data)

    def connector_type(self, name: str) -> ConnectorTypeItem:
        """Return a connector type, with the JSON Schemas of its configuration."""
        return self._transport.get(ConnectorTypeAnswer, f"{_TYPES}/{quote(name, safe='')}").data

    def test(self, request: TestRequest) -> TestConnected | TestFailed:
        """Try a connection that is not registered; one that does not work is an answer, too."""
        body = request.model_dump(mode="json", exclude_unset=True)
        response = self._transport.send("POST", "/api/v1/connectors/test", body=body)
        return self._transport.read(TestResultAnswer, response).data

    def test_connector(self, name: str, *, wait: float = 0.0) -> LaunchedRun:
        """Have Dagster test a connector; ``status`` is ``SUCCESS`` if that came to a good end.

        Args:
            name: The connector.
            wait: Seconds to wait for the end of the run at most.
        """
        return self._launched(f"{_connector(name)}/test", wait)

    def register(self, draft: ConnectorDraft) -> ConnectorConfiguration:
        """Register a connector; the very same one once more is no error."""
        body = draft.model_dump(mode="json", exclude_unset=True)
        response = self._transport.send("POST", "/api/v1/connectors", body=body, headers=_once())
        return self._transport.read(ConnectorConfigurationAnswer, response).data

    def change(self, name: str, patch: ConnectorPatch, *, version: int | None) -> ConnectorConfiguration:
        """Change a registered connector; what the patch does not name stays.

        Args:
            name: The connector.
            patch: What changes.
            version: That of the connector which the change is based on; ``None`` for whatever is there.

        Raises:
            ConflictError: It has another version by now (code ``registry.conflict``).
        """
        body = patch.model_dump(mode="json", exclude_unset=True)
        response = self._transport.send("PATCH", _connector(name), body=body, headers=_if_match(version))
        return self._transport.read(ConnectorConfigurationAnswer, response).data

    def delete(self, name: str, *, version: int | None) -> None:
        """Delete a registered connector.

        Args:
            name: The connector.
            version: That of the connector which was seen; ``None`` for whatever is there.

        Raises:
            ConflictError: It has another version by now (code ``registry.conflict``), or is in use.
        """
        self._transport.send("DELETE", _connector(name), headers=_if_match(version))

    # Pipelines and runs

    def pipelines(self) -> list[PipelineItem]:
        """Return all pipelines and how they are doing."""
        return list(self._transport.get(PipelineListAnswer, "/api/v1/pipelines").data)

    def pipeline(self, name: str) -> PipelineItem:
        """Return a pipeline and how it is doing."""
        return self._transport.get(PipelineAnswer, _pipeline(name)).data

    def run_pipeline(self, name: str, *, wait: float = 0.0) -> LaunchedRun:
        """Have Dagster run a pipeline; ``status`` is ``SUCCESS`` if that came to a good end.

        Args:
            name: The pipeline.
            wait: Seconds to wait for the end of the run at most.
        """
        return self._launched(f"{_pipeline(name)}/run", wait)

    def run(self, id: str) -> Run:
        """Return how far a run is."""
        return self._transport.get(RunAnswer, f"/api/v1/runs/{quote(id, safe='')}").data

    def _launched(self, path: str, wait: float) -> LaunchedRun:
        """Start a run; the server waits for its end as long as it does that, then we ask now and then."""
        end = time.monotonic() + wait
        there = min(wait, MAX_WAIT_S)
        response = self._transport.send(
            "POST", path, params={"wait": there} if wait > 0 else None, headers=_once(), wait=there
        )
        launched = self._transport.read(LaunchAnswer, response).data
        has_ended = response.status_code != 202
        while not has_ended and (left := end - time.monotonic()) > 0:
            time.sleep(min(_POLL_S, left))
            run = self.run(launched.id)
            launched = LaunchedRun(id=run.id, job=run.job, status=run.status)
            has_ended = run.ended_at is not None
        return launched


def _connector(name: str) -> str:
    return f"/api/v1/connectors/{quote(name, safe='')}"


def _pipeline(name: str) -> str:
    return f"/api/v1/pipelines/{quote(name, safe='')}"


def _once() -> dict[str, str]:
    """Mark a request, so that it is done once however often it is sent."""
    return {"Idempotency-Key": str(uuid.uuid4())}


def _if_match(version: int | None) -> dict[str, str]:
    return {"If-Match": "*" if version is None else f'"v{version}"'}
