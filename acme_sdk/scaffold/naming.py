"""What a project is called, and what its package and class are called after it."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from typing import NoReturn

from acme_sdk.errors import ConfigurationError
from acme_sdk.plugins import connector_types

__all__ = ["ProjectName"]

_VALID = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class ProjectName:
    """A checked name.

    Attributes:
        package: The Python package, which is also the connector type: ``my_crm``.
    """

    package: str

    @classmethod
    def parse(cls, name: str) -> ProjectName:
        """Check a name as the user gave it: ``my-crm`` or ``my_crm``.

        Raises:
            ConfigurationError: It is no name for a package (code ``name.invalid``), or another package or
                connector type has it (``name.taken``). The hint says a name near it that would do.
        """
        if not _VALID.fullmatch(name):
            _refuse(name, "is not lower-case letters and digits, with single hyphens in between", _near(name))
        package = name.replace("-", "_")
        suggestion = f"{name}-connector"
        if keyword.iskeyword(package) or keyword.issoftkeyword(package):
            _refuse(name, "is a word of the Python language", suggestion)
        if package in sys.stdlib_module_names:
            _refuse(name, "is a module of Python's standard library", suggestion, "name.taken")
        if package in connector_types():
            _refuse(name, "is a connector type already", suggestion, "name.taken")
        if package in packages_distributions() or package == "tests":
            _refuse(name, "is an installed package already", suggestion, "name.taken")
        return cls(package)

    @property
    def project(self) -> str:
        """The folder and the distribution: ``my-crm``."""
        return self.package.replace("_", "-")

    @property
    def title(self) -> str:
        """For people: ``My Crm``."""
        return self.package.replace("_", " ").title()

    @property
    def camel(self) -> str:
        """The start of a class's name: ``MyCrm``."""
        return self.title.replace(" ", "")


def _near(name: str) -> str | None:
    """The nearest valid name, or ``None`` if nothing of it can be kept."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    near = re.sub(r"[^a-z0-9]+", "-", words.lower()).lstrip("-0123456789").rstrip("-")
    return near or None


def _refuse(name: str, reason: str, near: str | None, code: str = "name.invalid") -> NoReturn:
    raise ConfigurationError(f"{name!r} {reason}", code=code, hint=f"for example {near or 'my-crm'}")
