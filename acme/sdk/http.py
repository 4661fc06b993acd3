"""`acme_sdk.http` under the name that connectors import it by; the classes are the same objects."""

from acme_sdk.http import *  # noqa: F403
from acme_sdk.http import __all__ as __all__
