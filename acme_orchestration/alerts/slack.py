"""Changes of state to a Slack channel, by Dagster's own integration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from acme_orchestration.alerts.change import StateChange, text
from acme_orchestration.alerts.channel import SEND_TIMEOUT_S, Channel, SecretReference
from acme_sdk.errors import ConfigurationError, RetriableError

__all__ = ["SlackAlert"]


class SlackAlert(Channel):
    """Posts changes to a channel; needs the extra ``slack``.

    Attributes:
        channel: The channel, e.g. ``#data``.
        token: A reference to a bot token with the scope ``chat:write``.
        api_url: Where Slack's API is.
    """

    type: Literal["slack"] = "slack"
    channel: str
    token: SecretReference
    api_url: str = "https://slack.com/api/"

    def _references(self) -> dict[str, dict[str, Any] | None]:
        return {"token": self.token}

    def _send(self, changes: Sequence[StateChange], secrets: dict[str, str]) -> None:
        try:
            from dagster_slack import SlackResource
            from slack_sdk.errors import SlackApiError
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"{error.name} is not installed",
                code="alert.extra",
                hint="pip install 'acme-connectors[slack]'",
            ) from None
        client = SlackResource(token=secrets["token"]).get_client()
        client.base_url, client.timeout = self.api_url, int(SEND_TIMEOUT_S)
        try:
            client.chat_postMessage(channel=self.channel, text=text(changes))
        except SlackApiError as error:
            raise RetriableError(
                f"Slack refused the message: {error.response['error']}", code="alert.refused"
            ) from None
