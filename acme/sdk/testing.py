"""`acme_sdk.testing` under the name that connectors import it by; the classes are the same objects."""

from acme_sdk.testing import *  # noqa: F403
from acme_sdk.testing import __all__ as __all__
