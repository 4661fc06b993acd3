"""Secrets of AWS Secrets Manager: ``{aws: prod/token}``, ``{aws: {name: prod/users_db, key: password}}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)

from acme_sdk.errors import SecretError
from acme_sdk.secrets.store import SecretStore

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

__all__ = ["SecretsManagerStore"]

# Without a connection or an answer, two attempts end before a health check's default time-out of 10 s.
_CONFIG = Config(connect_timeout=3, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})
_MISSING = {"ResourceNotFoundException", "InvalidRequestException"}  # the latter: marked for deletion
_DENIED = {
    "403",  # a gateway's answer, which has no code in it
    "AccessDeniedException", "DecryptionFailure", "ExpiredTokenException", "IncompleteSignature",
    "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken",
    "UnrecognizedClientException",
}  # fmt: skip


class SecretsManagerStore(SecretStore):
    """AWS Secrets Manager, as boto3 finds it: its usual variables, files and roles.

    A name is that of a secret or its ARN, which also says the region.
    """

    def __init__(self) -> None:
        self._clients: dict[str | None, SecretsManagerClient] = {}

    def get(self, name: str) -> str:
        """Return the present version of a secret."""
        try:
            answer = self._client(_region(name)).get_secret_value(SecretId=name)
        except (ClientError, BotoCoreError) as error:
            raise _secret_error(name, error) from None
        if "SecretString" in answer:
            return answer["SecretString"]
        try:
            return answer["SecretBinary"].decode()
        except UnicodeDecodeError:
            raise SecretError(
                f"the secret {name} of AWS is not UTF-8 text",
                code="secret.failed",
                hint="store it as text, in base64 for instance",
            ) from None

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, region: str | None) -> SecretsManagerClient:
        if region not in self._clients:
            # A session of its own: the default one is not made for several threads.
            session = boto3.Session(region_name=region)
            self._clients[region] = session.client("secretsmanager", config=_CONFIG)
        return self._clients[region]


def _region(name: str) -> str | None:
    """The region in an ARN: ``arn:aws:secretsmanager:REGION:…``."""
    parts = name.split(":")
    return parts[3] if len(parts) > 6 and parts[0] == "arn" else None


def _secret_error(name: str, error: Exception) -> SecretError:
    """Say what went wrong by its code: texts of AWS are long, and may name more than the reader may see."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    if code in _MISSING:
        return SecretError(
            f"AWS Secrets Manager has no secret {name} ({code})",
            code="secret.missing",
            hint="check the name, the region (AWS_DEFAULT_REGION) and the account",
        )
    if code in _DENIED or isinstance(error, NoCredentialsError):
        return SecretError(
            f"AWS does not let this process read the secret {name} ({code})",
            code="secret.denied",
            hint="its role or user needs secretsmanager:GetSecretValue for it, and kms:Decrypt for its key",
        )
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError, EndpointConnectionError)):
        return SecretError(
            f"AWS Secrets Manager does not answer ({code})",
            code="secret.timeout",
            hint="check the network, the region and, where it is set, AWS_ENDPOINT_URL_SECRETS_MANAGER",
        )
    hint = "set AWS_DEFAULT_REGION where this connector runs" if isinstance(error, NoRegionError) else None
    return SecretError(f"the secret {name} of AWS cannot be read: {code}", code="secret.failed", hint=hint)
