"""Which connector types exist.

A type is a module that holds a source class, a destination class, or one of each. Modules come from the entry
point group ``acme.connectors`` (the built-in ones too) and from the connectors folder, where
``connectors/my_source.py`` is the type ``my_source``.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

from acme_sdk.connector import Connector
from acme_sdk.entry_points import import_problem, installed, what_to_install
from acme_sdk.errors import ConfigurationError
from acme_sdk.source import SourceConnector

__all__ = ["ConnectorType", "connector_class", "connector_type", "connector_types", "load_file"]

GROUP = "acme.connectors"

_OURS = "acme-connectors"
# A module may do anything while it is imported, also end the process.
_IMPORT_ERRORS = (Exception, SystemExit)


@dataclass(frozen=True)
class ConnectorType:
    """A type by its name and where its module is; nothing is imported yet.

    Attributes:
        name: What ``type:`` says in ``connectors.yaml``.
        origin: The entry point, or the file in the connectors folder.
    """

    name: str
    origin: EntryPoint | Path

    @property
    def provider(self) -> str:
        """Where it comes from: ``built in``, the name and version of a distribution, or a file."""
        if isinstance(self.origin, Path):
            return str(self.origin)
        distribution = self.origin.dist
        if distribution is None:
            return self.origin.value
        return "built in" if distribution.name == _OURS else f"{distribution.name} {distribution.version}"

    def classes(self) -> dict[str, type[Connector]]:
        """Import the module and return its connector classes by role.

        Raises:
            ConfigurationError: The module cannot be imported, holds no connector, or two of one role.
        """
        if isinstance(self.origin, Path):
            return load_file(self.origin)
        try:
            module = self.origin.load()
        except _IMPORT_ERRORS as error:
            missing = isinstance(error, ImportError)
            raise ConfigurationError(
                f"the connector type {self.name!r} cannot be imported: {import_problem(error)}",
                code="type.not_installed" if missing else "type.import_failed",
                hint=what_to_install(self.origin, error),
            ) from error
        if not isinstance(module, ModuleType):
            raise ConfigurationError(
                f"the entry point of the connector type {self.name!r} is not a module: {self.origin.value}",
                code="type.not_module",
                hint=f"declare it like this: {self.name} = {self.origin.module!r}",
            )
        return _classes_in(module, self.name)


def connector_types(folder: Path | None = None) -> dict[str, ConnectorType]:
    """Return all types by name; a file in the connectors folder comes before an entry point of its name.

    Args:
        folder: The connectors folder, or ``None`` for none.
    """
    types = {point.name: ConnectorType(point.name, point) for point in installed(GROUP)}
    if folder is not None and folder.is_dir():
        for path in sorted(folder.glob("[!_.]*.py")):
            types[path.stem] = ConnectorType(path.stem, path)
    return types


def connector_type(type_name: str, folder: Path | None = None) -> ConnectorType:
    """Return a type by its name.

    Raises:
        ConfigurationError: No such type (code ``type.unknown``).
    """
    types = connector_types(folder)
    if type_name not in types:
        close = get_close_matches(type_name, types, n=1)
        raise ConfigurationError(
            f"there is no connector type {type_name!r}",
            code="type.unknown",
            hint=(f"did you mean {close[0]!r}? " if close else "") + f"installed: {', '.join(sorted(types))}",
        )
    return types[type_name]


def connector_class(type_name: str, role: str, folder: Path | None = None) -> type[Connector]:
    """Return the class of a type in a role.

    Raises:
        ConfigurationError: No such type (``type.unknown``), it cannot be imported, or it has no such role
            (``type.no_role``).
    """
    classes = connector_type(type_name, folder).classes()
    if role not in classes:
        raise ConfigurationError(
            f"the connector type {type_name!r} is no {role}",
            code="type.no_role",
            hint=f"it is a {' and a '.join(classes)}",
        )
    return classes[role]


def load_file(path: Path) -> dict[str, type[Connector]]:
    """Import a Python file and return its connector classes by role.

    The module is registered under a name of its own, so that classes in it can be pickled and files of equal
    name in different folders do not meet.

    Raises:
        ConfigurationError: No such file (``file.missing``), it raises on import (``type.import_failed``), or
            it holds no connector.
    """
    path = path.resolve()
    if not path.is_file():
        raise ConfigurationError(f"there is no file {path}", code="file.missing", hint="check the path")
    name = f"acme_connector_file_{abs(hash(str(path)))}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(
            f"{path} is no Python file", code="file.not_python", hint="it must end in .py"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except _IMPORT_ERRORS as error:
        del sys.modules[name]
        raise ConfigurationError(
            f"{path} cannot be imported: {import_problem(error)}",
            code="type.import_failed",
            hint=what_to_install(None, error),
        ) from error
    return _classes_in(module, path.stem)


def _is_complete(kind: type[Connector]) -> bool:
    """Tell whether a class is more than a base for others."""
    if inspect.isabstract(kind):
        return False
    base = SourceConnector
    return not issubclass(kind, base) or any(
        getattr(kind, name) is not getattr(base, name) for name in ("extract", "extract_stream")
    )


def _classes_in(module: ModuleType, type_name: str) -> dict[str, type[Connector]]:
    exported = getattr(module, "__all__", None)
    classes: dict[str, type[Connector]] = {}
    for name, value in vars(module).items():
        if not (inspect.isclass(value) and issubclass(value, Connector)) or not _is_complete(value):
            continue
        # An imported base class is not this module's connector, unless the module exports it.
        if value.__module__ != module.__name__ and name not in (exported or ()):
            continue
        if exported is not None and name not in exported:
            continue
        if value.role in classes:
            raise ConfigurationError(
                f"{type_name}: both {classes[value.role].__name__} and {name} are a {value.role}",
                code="type.ambiguous",
                hint="name the one that counts in __all__, or put them in two modules",
            )
        classes[value.role] = value
    if not classes:
        raise ConfigurationError(
            f"{type_name}: there is no connector in it",
            code="type.empty",
            hint="write a class that derives from SourceConnector, or from DestinationConnector",
        )
    return classes
