"""What does the connector make of answers that are wrong? A fault server stands before its target."""

from __future__ import annotations

from acme_sdk.testing.checks.http import answers, connections, loading, pages

__all__ = ["answers", "connections", "loading", "pages"]
