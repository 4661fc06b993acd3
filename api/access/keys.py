"""Recognizing the keys that requests come with."""

from __future__ import annotations

import hmac
import logging
import re
import threading
import time

from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_orchestration.registry.keys import ApiKey, KeyStore, digest_of

__all__ = ["KeyRing"]

# For how many seconds a revoked key may still be taken.
_FRESH_S = 1.0
_FORM = re.compile(r"acme_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")

log = logging.getLogger(__name__)


class KeyRing:
    """Recognizes the keys that requests come with. It looks at the stored ones once a second at most.

    While the database is down, the keys that were valid last go on to be.

    Args:
        store: Where the keys are.
        required: Whether a request needs one even if none was ever made. Once there is one, all do.
    """

    def __init__(self, store: KeyStore, *, required: bool = False) -> None:
        self._store = store
        self._required = required
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._valid: dict[str, ApiKey] = {}

    @property
    def was_required(self) -> bool:
        """Whether a request needed a key when they were read last."""
        return self._required

    def is_required(self) -> bool:
        """Tell whether a request needs a key.

        Raises:
            RegistryUnavailableError: The keys could never be read.
        """
        self._refresh()
        return self._required

    def find(self, text: str) -> ApiKey | None:
        """Return the valid key that a text is, or ``None``; how long that takes tells nothing of a key.

        Raises:
            RegistryUnavailableError: The keys could never be read.
        """
        self._refresh()
        form = _FORM.fullmatch(text)
        found = self._valid.get(form[1]) if form else None
        expected = found.digest if found else "0" * 64
        return found if hmac.compare_digest(digest_of(text), expected) else None

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._read_at < _FRESH_S:
                return
            try:
                keys = self._store.all()
            except RegistryUnavailableError as error:
                if self._read_at == float("-inf"):
                    raise
                log.warning("%s", error.message)
            else:
                self._required = self._required or bool(keys)
                self._valid = {key.id: key for key in keys if key.revoked_at is None}
            self._read_at = time.monotonic()
