"""What the registry refuses, and why."""

from __future__ import annotations

from acme_sdk.errors import AcmeError

__all__ = ["ConflictError", "EntryUnknownError", "RegistryUnavailableError"]


class ConflictError(AcmeError):
    """The registry holds something else than the caller believes: look again, then decide."""

    default_code = "registry.conflict"


class EntryUnknownError(AcmeError):
    """Nothing is registered under this name."""

    default_code = "registry.unknown"


class RegistryUnavailableError(AcmeError):
    """The registry's database cannot be used now; what is declared works all the same."""

    default_code = "registry.unavailable"
