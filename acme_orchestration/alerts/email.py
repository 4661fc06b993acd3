"""Changes of state by e-mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from typing import Any, Literal

from pydantic import Field

from acme_orchestration.alerts.change import StateChange, subject, text
from acme_orchestration.alerts.channel import SEND_TIMEOUT_S, Channel, SecretReference

__all__ = ["EmailAlert"]

_PORTS = {"ssl": 465, "starttls": 587, "none": 25}


class EmailAlert(Channel):
    """Sends changes over SMTP, one mail for all that one look found.

    Attributes:
        host: The SMTP server.
        port: Its port; the usual one of its ``security`` by default.
        security: ``starttls``, ``ssl`` or, for a server on the same machine, ``none``.
        sender: The address it comes from.
        to: The addresses it goes to.
        user: The user to log in as; the sender by default, if there is a password.
        password: A reference to the password; without one nobody logs in.
    """

    type: Literal["email"] = "email"
    host: str
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "ssl", "none"] = "starttls"
    sender: str
    to: tuple[str, ...] = Field(min_length=1)
    user: str | None = None
    password: SecretReference | None = None

    def _references(self) -> dict[str, dict[str, Any] | None]:
        return {"password": self.password}

    def _send(self, changes: Sequence[StateChange], secrets: dict[str, str]) -> None:
        with self._connected() as server:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.password is not None:
                server.login(self.user or self.sender, secrets["password"])
            server.send_message(self._message(changes))

    def _connected(self) -> smtplib.SMTP:
        port = self.port or _PORTS[self.security]
        if self.security == "ssl":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, port, timeout=SEND_TIMEOUT_S, context=context)
        return smtplib.SMTP(self.host, port, timeout=SEND_TIMEOUT_S)

    def _message(self, changes: Sequence[StateChange]) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = subject(changes)
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = make_msgid(domain="acme-connectors")
        message.set_content(text(changes) + "\n")
        return message
