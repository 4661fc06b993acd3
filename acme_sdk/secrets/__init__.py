"""Secrets: references to them, the stores that keep them, and their removal from text.

A secret is written as a reference, ``{"env": "USERS_DB_PASSWORD"}`` or
``{"aws": {"name": "prod/users_db", "key": "password"}}``, and resolved in the process that uses it, when one
connector is set up.
"""

from acme_sdk.secrets.redaction import MASK, Redactor
from acme_sdk.secrets.reference import Reference, is_reference
from acme_sdk.secrets.store import SecretStore

__all__ = ["MASK", "Redactor", "Reference", "SecretStore", "is_reference"]
