"""Where a Postgres server is and how to get in: from configuration fields to checked settings."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from acme_sdk.errors import ConfigurationError, FieldProblem

__all__ = ["CONNECTION_FIELDS", "VERIFYING_SSL_MODES", "PostgresSettings"]

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
VERIFYING_SSL_MODES = ("verify-ca", "verify-full")

#: The part of ``config_schema()`` that says how to connect.
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "connection": {
        "type": "string",
        "secret": True,
        "description": "The whole address as a URL; or use the fields below instead",
        "examples": ["postgresql://user:password@db.example.com:5432/shop"],
    },
    "host": {"type": "string", "description": "Host name or IP address", "examples": ["db.example.com"]},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "TCP port; 5432 if not given"},
    "database": {"type": "string", "description": "Name of the database", "examples": ["shop"]},
    "user": {"type": "string", "description": "Name of the database role"},
    "password": {"type": "string", "secret": True, "description": "The role's password"},
    "ssl": {
        "type": "object",
        "description": "Encryption of the connection",
        "properties": {
            "mode": {
                "type": "string",
                "enum": list(SSL_MODES),
                "description": "prefer if not given; only verify-ca and verify-full check the server",
            },
            "ca": {
                "type": "string",
                "description": "Certificate authorities to trust, in PEM form; the system's own if not given",
            },
        },
    },
    "hostaddr": {
        "type": "string",
        "description": "IP address to connect to; the host is then only the name that TLS verifies",
    },
    "connect_timeout_s": {
        "type": "integer",
        "minimum": 2,
        "maximum": 300,
        "description": "Seconds until an attempt to connect fails; 10 if not given",
    },
    "schema": {
        "type": "string",
        "default": "public",
        "description": "The schema whose tables need no prefix",
    },
}

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
#: URL parameters that are allowed, and the setting each one stands for.
_URL_PARAMETERS = {
    "sslmode": "ssl_mode",
    "connect_timeout": "connect_timeout_s",
    "application_name": "application_name",
}
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?")


@dataclass(frozen=True)
class PostgresSettings:
    """How to connect to one database; every value is checked.

    Attributes:
        host: Host name or IP address; what the server's certificate is verified against.
        port: TCP port.
        database: Name of the database.
        user: Name of the role.
        password: Its password; empty for none.
        ssl_mode: One of `SSL_MODES`.
        ca: Certificate authorities in PEM form, or ``None`` for the system's.
        hostaddr: IP address to connect to instead of looking the host up, or ``None``.
        connect_timeout_s: Seconds until an attempt to connect fails.
        application_name: What the server's administrator sees.
    """

    host: str
    database: str
    user: str
    port: int = 5432
    password: str = field(default="", repr=False)
    ssl_mode: str = "prefer"
    ca: str | None = field(default=None, repr=False)
    hostaddr: str | None = None
    connect_timeout_s: int = 10
    application_name: str = "acme-connectors"

    def __post_init__(self) -> None:
        for name, value in (("host", self.host), ("database", self.database), ("user", self.user)):
            if not value:
                raise _refusal(name, "is required, but missing", f"give connection, or the field {name}")
        for name, value in vars(self).items():
            if isinstance(value, str) and name != "ca" and re.search(r"[\x00-\x1f\x7f]", value):
                raise _refusal(name, "must not hold control characters")
        if not (_is_address(self.host) or _HOST_NAME.fullmatch(self.host)):
            raise _refusal(
                "host",
                "must be one host name or IP address",
                "Unix sockets and lists of hosts are not allowed",
            )
        if self.hostaddr is not None and not _is_address(self.hostaddr):
            raise _refusal("hostaddr", "must be an IP address")
        if not 1 <= self.port <= 65535:
            raise _refusal("port", "must be between 1 and 65535")
        self._check_ssl()

    def _check_ssl(self) -> None:
        if self.ssl_mode not in SSL_MODES:
            raise _refusal("ssl.mode", f"must be one of {', '.join(SSL_MODES)}")
        if self.ca is None:
            return
        if self.ssl_mode not in VERIFYING_SSL_MODES:
            raise _refusal(
                "ssl.ca",
                f"has no effect with the mode {self.ssl_mode}, which does not check the server",
                f"set ssl.mode to {' or '.join(VERIFYING_SSL_MODES)}, or leave ssl.ca out",
            )
        try:
            ssl.create_default_context(cadata=self.ca)
        except (ssl.SSLError, ValueError):
            raise _refusal("ssl.ca", "holds no certificate in PEM form") from None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> PostgresSettings:
        """Read the settings out of a validated configuration.

        Each setting may come from the URL or from a field of its own, but not from both.

        Raises:
            ConfigurationError: Names the field that is wrong; never shows a value.
        """
        fields = ("host", "port", "database", "user", "password", "hostaddr", "connect_timeout_s")
        given = {name: config[name] for name in fields if config.get(name) is not None}
        encryption = config.get("ssl") or {}
        given |= {
            name: encryption[key]
            for key, name in (("mode", "ssl_mode"), ("ca", "ca"))
            if encryption.get(key) is not None
        }
        url = _parse_url(config["connection"]) if config.get("connection") is not None else {}
        for name in url.keys() & given.keys():
            if url[name] != given[name]:
                raise _refusal(name.replace("ssl_", "ssl."), "is given twice: in connection and by itself")
        merged = url | given
        for name in ("host", "database", "user"):
            merged.setdefault(name, "")
        return cls(**merged)


def _parse_url(text: str) -> dict[str, Any]:
    scheme = text.partition("://")[0]
    if scheme not in _SCHEMES or "://" not in text:
        raise _refusal(
            "connection", f"must be a URL that begins with {' or '.join(s + '://' for s in _SCHEMES)}"
        )
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise _malformed() from None
    database = url.path.removeprefix("/")
    # A reserved character that stands for itself could shift the parts: it must be encoded.
    if url.fragment or re.search(r"[\x00-\x1f\x7f]", text) or re.search(r"[/@]", database):
        raise _malformed()
    parts = {
        "host": url.hostname,
        "port": port,
        "database": unquote(database) or None,
        "user": unquote(url.username) if url.username else None,
        "password": unquote(url.password) if url.password else None,
    }
    found: dict[str, Any] = {name: value for name, value in parts.items() if value is not None}
    for parameter, value in parse_qsl(url.query, keep_blank_values=True):
        known = _URL_PARAMETERS.get(parameter)
        if known is None or known in found:
            raise _refusal(
                "connection",
                f"the parameter {parameter!r} is {'given more than once' if known else 'not allowed here'}",
                f"allowed are {', '.join(_URL_PARAMETERS)}; the rest has fields of its own",
            )
        found[known] = _seconds(value) if parameter == "connect_timeout" else value
    return found


def _malformed() -> ConfigurationError:
    return _refusal(
        "connection",
        "is no URL of the form postgresql://user:password@host:port/database",
        "write reserved characters in the password percent-encoded, e.g. @ as %40",
    )


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 2 <= int(text) <= 300:
        raise _refusal("connection", "connect_timeout must be a whole number of seconds from 2 to 300")
    return int(text)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _refusal(name: str, message: str, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(f"{name}: {message}", problems=(FieldProblem(name, message),), hint=hint)
