"""The audit trail: who did what over HTTP, and what came of it. It is the registry's trail."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from acme_orchestration.registry.errors import RegistryUnavailableError
from api.access.auth import caller
from api.services import services

if TYPE_CHECKING:
    from acme_orchestration.registry.records import Subject

__all__ = ["record"]

log = logging.getLogger(__name__)


def record(action: str, kind: Subject, name: str, after: Mapping[str, Any]) -> None:
    """Add a line about the present request to the trail. It is in the log, too, for times without a registry.

    Args:
        action: What was done.
        kind: To what.
        name: Its name.
        after: What came of it, without secrets.
    """
    actor = caller().name
    log.info("%s: %s %s %r %s", actor, action, kind, name, dict(after))
    registry = services().registry
    if registry is None:
        return
    try:
        registry.note(action, kind, name, actor=actor, after=after)
    except RegistryUnavailableError as error:
        log.error("not in the audit trail: %s", error.message)  # noqa: TRY400 - it says all
