"""Whether two addresses are of one host, and addresses fit to be shown."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import requests

__all__ = ["other_host", "without_query"]

_SESSION = requests.Session()  # asked for its judgement only, which is that of redirects


def other_host(known: str, new: str) -> bool:
    """Tell whether credentials for one URL must not be sent to another.

    Another scheme or port is another host, but for a change from ``http`` to ``https`` on the usual ports.
    """
    try:
        verdict: bool = _SESSION.should_strip_auth(known, new)  # type: ignore[no-untyped-call] # the stubs leave it out
    except ValueError:  # no URL
        return True
    return verdict


def without_query(url: str) -> str:
    """Return a URL without user, password and query, any of which may be secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
