"""Which workspace a command is about: its file, its environment, and the registry that goes with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry
    from acme_orchestration.registry.workspace import Workspace

__all__ = ["Where", "env_option", "where_options"]

_file_option = click.option(
    "--file",
    "path",
    default="connectors.yaml",
    envvar="ACME_WORKSPACE_FILE",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The file that declares connectors and pipelines.",
)


def _said(context: click.Context, _: click.Parameter, environment: str | None) -> str | None:
    """Say on standard error which environment a command works in; once, also if its group has the option."""
    if environment and context.meta.get(__name__) != environment:
        context.meta[__name__] = environment
        click.echo(f"environment: {environment}", err=True)
    return environment or None


#: ``--env``, the same for all commands that read the file.
env_option = click.option(
    "--env",
    "environment",
    envvar="ACME_ENVIRONMENT",
    metavar="NAME",
    callback=_said,
    help="The environment: connectors.NAME.yaml is laid over the file; $ACME_ENVIRONMENT by default.",
)


def where_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options ``--file`` and ``--env``, and what they say as its argument ``where``."""

    @_file_option
    @env_option
    @wraps(command)
    def with_where(path: Path, environment: str | None, **arguments: Any) -> None:
        command(where=Where(path, environment), **arguments)

    return with_where


@dataclass(frozen=True)
class Where:
    """Which workspace a command is about.

    Attributes:
        path: Its file.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.
    """

    path: Path
    environment: str | None

    @property
    def folder(self) -> Path:
        """The connectors folder; it need not exist."""
        return self.path.absolute().parent / "connectors"

    def workspace(self) -> Workspace:
        """Return what is declared and registered.

        Raises:
            ConfigurationError: The file is missing or wrong.
        """
        from acme_orchestration.registry.current import read_workspace
        from acme_orchestration.registry.place import existing_registry

        return read_workspace(self.path, existing_registry(self._dagster_home), self.environment)

    def registry(self) -> Registry:
        """Return the registry that goes with the workspace, whether or not it exists yet.

        Raises:
            ConfigurationError: Nobody says where it is (code ``registry.nowhere``).
        """
        from acme_orchestration.registry.place import find_registry
        from acme_sdk.errors import ConfigurationError

        registry = find_registry(self._dagster_home)
        if registry is None:
            raise ConfigurationError(
                "there is no place for a registry",
                code="registry.nowhere",
                hint="set DAGSTER_HOME to the folder that Dagster runs with, or ACME_REGISTRY_URL",
            )
        return registry

    @property
    def _dagster_home(self) -> Path | None:
        """Dagster's home where ``DAGSTER_HOME`` says none: that of ``acme dev``, beside the file."""
        of_dev = self.path.absolute().parent / ".acme" / "dagster"
        return of_dev if "DAGSTER_HOME" not in os.environ and of_dev.is_dir() else None
