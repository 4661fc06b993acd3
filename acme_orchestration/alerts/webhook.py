"""Changes of state to a server of your own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from acme_orchestration.alerts.change import StateChange, text
from acme_orchestration.alerts.channel import SEND_TIMEOUT_S, Channel, SecretReference
from acme_sdk.errors import RetriableError
from acme_sdk.failures import describe

__all__ = ["WebhookAlert"]


class WebhookAlert(Channel):
    """Posts changes as JSON: ``{"text": …, "changes": [{"id": …, "connector": …, "after": …}]}``.

    Attributes:
        url: A reference to the address, which often is a secret itself.
        authorization: A reference to the header of that name, if the server wants one.
    """

    type: Literal["webhook"] = "webhook"
    url: SecretReference
    authorization: SecretReference | None = None

    def _references(self) -> dict[str, dict[str, Any] | None]:
        return {"url": self.url, "authorization": self.authorization}

    def _send(self, changes: Sequence[StateChange], secrets: dict[str, str]) -> None:
        import requests  # which reading connectors.yaml needs not

        header = secrets.get("authorization")
        try:
            answer = requests.post(
                secrets["url"],
                json={"text": text(changes), "changes": [change.to_json() for change in changes]},
                headers={"Authorization": header} if header else {},
                timeout=SEND_TIMEOUT_S,
                allow_redirects=False,  # it would turn into a GET, or take the header elsewhere
                stream=True,  # whatever it answers is not read
            )
        except requests.RequestException as error:
            # Its text quotes the address in parts.
            reason = type(error).__name__
            raise RetriableError(
                f"the webhook cannot be reached: {reason}", code=describe(error).code
            ) from None
        answer.close()
        if not 200 <= answer.status_code < 300:
            raise RetriableError(
                f"the webhook answered {answer.status_code} {answer.reason}", code="alert.refused"
            )
