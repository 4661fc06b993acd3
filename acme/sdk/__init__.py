"""`acme_sdk` under the name that connectors import it by; the classes are the same objects."""

from acme_sdk import *  # noqa: F403
from acme_sdk import __all__ as __all__
