"""The first files of a connector of one's own: a small project that passes its own tests."""

from acme_sdk.scaffold.naming import ProjectName
from acme_sdk.scaffold.project import write_project

__all__ = ["ProjectName", "write_project"]
