"""User name and password are exchanged for a token that expires."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from acme.sdk import ConnectorConfig, Row, SourceConnector
from acme.sdk.http import HttpSession, Token, TokenAuth


class SessionLogin(TokenAuth):
    """Logs in, and again when the session is over."""

    scheme = "Token"

    def __init__(self, url: str, username: str, password: str) -> None:
        super().__init__()
        self._url = url
        self._credentials = {"username": username, "password": password}

    def obtain(self) -> Token:
        """Log in."""
        with HttpSession() as session:
            answer = session.request("POST", f"{self._url}/login", json=self._credentials).json()
        return Token(answer["token"], answer["expires_in"])


class SessionToken(SourceConnector):
    """Users, all of them."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Where the API is, and who we are."""
        return {
            "url": {"type": "string", "required": True},
            "username": {"type": "string", "required": True},
            "password": {"type": "string", "required": True, "secret": True},
        }

    def setup(self, config: ConnectorConfig) -> None:
        """Say who we are."""
        self.url = f"{config['url']}/auth/session_token"
        self.http.auth = SessionLogin(self.url, config["username"], config["password"])

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Read the one page."""
        yield from map(Row, self.http.get(f"{self.url}/data").json()["data"])
