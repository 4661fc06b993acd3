"""`api.client` under the name that applications import it by; the classes are the same objects."""

from api.client import *  # noqa: F403
from api.client import __all__ as __all__
