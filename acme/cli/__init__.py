"""The ``acme`` command: one module per command, imported when it runs."""

from __future__ import annotations

import importlib

import click

__all__ = ["main"]

# Name, module and one line of help: `acme --help` imports nothing but Click.
_COMMANDS = {
    "api": ("acme.cli.api", "Serve the HTTP API, and manage its keys."),
    "connectors": ("acme.cli.connectors", "Register connectors, and show which there are."),
    "dev": ("acme.cli.dev", "Run everything on an embedded default: databases, Dagster, API."),
    "init": ("acme.cli.init", "Write the project of a new connector."),
    "pipelines": ("acme.cli.pipelines", "Register pipelines, and show which there are."),
    "remote": ("acme.cli.remote", "Use the HTTP API of a server."),
    "state": ("acme.cli.state", "Show and change how far a pipeline has come."),
    "sync": ("acme.cli.sync", "Run a pipeline, without Dagster."),
    "test-connector": ("acme.cli.test_connector", "Find what is wrong with a connector."),
    "types": ("acme.cli.types", "Show the connector types and their fields."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in sorted(_COMMANDS.items())])


@click.command(cls=_LazyGroup)
@click.version_option(package_name="acme-connectors")
def main() -> None:
    """Write a connector once; see it in Dagster, sync it, test it."""
