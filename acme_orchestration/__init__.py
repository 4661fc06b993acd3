"""Connectors and pipelines as Dagster definitions, and the way back from the Dagster instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acme_orchestration.component import AcmeConnectors

__all__ = ["AcmeConnectors"]


def __getattr__(name: str) -> Any:
    # The registry of `dg` finds the component here; who reads a file of ours needs no Dagster.
    if name == "AcmeConnectors":
        from acme_orchestration.component import AcmeConnectors

        return AcmeConnectors
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
