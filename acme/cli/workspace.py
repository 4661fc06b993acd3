"""Which workspace a command is about: its file, its environment, and the registry that goes with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry
    from acme_orchestration.registry.workspace import Workspace

__all__ = ["Where", "dagster_home_option", "env_option", "where_options"]


def _of_group(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Return what the command line says of an option: to the command, or else to the group it belongs to."""
    name = str(option.name)
    place: click.Context | None = context
    while place is not None and place.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
        place = place.parent
    return value if place is None or place is context else place.params[name]


_file_option = click.option(
    "--file",
    "path",
    default="connectors.yaml",
    envvar="ACME_WORKSPACE_FILE",
    show_default=True,
    type=click.Path(path_type=Path),
    callback=_of_group,
    help="The file that declares connectors and pipelines.",
)


def _said(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Say on standard error which environment a command works in; once, also if its group has the option."""
    environment: str | None = _of_group(context, option, value)
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


#: ``--dagster-home``, for commands that also have the `where_options`.
dagster_home_option = click.option(
    "--dagster-home",
    envvar="DAGSTER_HOME",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_of_group,
    help="The Dagster instance; by default $DAGSTER_HOME, or that of acme dev beside the file.",
)


def where_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options ``--file`` and ``--env``, and what they say as its argument ``where``."""

    @_file_option
    @env_option
    @wraps(command)
    def with_where(
        path: Path, environment: str | None, dagster_home: Path | None = None, **arguments: Any
    ) -> None:
        command(where=Where(path, environment, dagster_home), **arguments)

    return with_where


@dataclass(frozen=True)
class Where:
    """Which workspace a command is about.

    Attributes:
        path: Its file.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.
        given_home: Dagster's home, if the command was told.
    """

    path: Path
    environment: str | None
    given_home: Path | None = None

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

        return read_workspace(self.path, existing_registry(self.dagster_home), self.environment)

    def registry(self) -> Registry:
        """Return the registry that goes with the workspace, whether or not it exists yet.

        Raises:
            ConfigurationError: Nobody says where it is (code ``registry.nowhere``).
        """
        from acme_orchestration.registry.place import find_registry
        from acme_sdk.errors import ConfigurationError

        registry = find_registry(self.dagster_home)
        if registry is None:
            raise ConfigurationError(
                "there is no place for a registry",
                code="registry.nowhere",
                hint="set DAGSTER_HOME to the folder that Dagster runs with, or ACME_REGISTRY_URL",
            )
        return registry

    @property
    def dagster_home(self) -> Path | None:
        """Dagster's home; ``None`` stands for what ``DAGSTER_HOME`` says.

        Where that says nothing, it is that of ``acme dev``, beside the file, if there is one.
        """
        of_dev = self.path.absolute().parent / ".acme" / "dagster"
        if self.given_home is None and "DAGSTER_HOME" not in os.environ and of_dev.is_dir():
            return of_dev
        return self.given_home
