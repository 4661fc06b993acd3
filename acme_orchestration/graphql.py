"""Asking Dagster's webserver, over GraphQL."""

from __future__ import annotations

from typing import Any

import requests

from acme_sdk.errors import FatalError

__all__ = ["ask"]


def ask(url: str, query: str, *, timeout_s: float = 30, **variables: Any) -> dict[str, Any]:
    """Return the data of an answer.

    Args:
        url: The webserver, e.g. ``http://127.0.0.1:3000``.
        query: A GraphQL document.
        timeout_s: Seconds that the webserver may be silent.
        variables: Its variables.

    Raises:
        requests.RequestException: The webserver does not answer, or not as one does.
        FatalError: It cannot answer this (code ``dagster.query``).
    """
    answer = requests.post(
        f"{url.rstrip('/')}/graphql", json={"query": query, "variables": variables}, timeout=timeout_s
    )
    answer.raise_for_status()
    document = answer.json()
    if document.get("errors"):
        reason = document["errors"][0].get("message")
        raise FatalError(f"Dagster's webserver cannot answer: {reason}", code="dagster.query")
    data: dict[str, Any] = document["data"]
    return data
