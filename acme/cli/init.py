"""``acme init``: the project of a new connector."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from acme.cli.errors import print_error

__all__ = ["command"]


@click.command(name="init")
@click.argument("role", type=click.Choice(["source", "destination"]))
@click.argument("name")
@click.option(
    "--path",
    type=click.Path(file_okay=False, path_type=Path),
    help="The project's folder; ./NAME by default. It may exist; files in it are not overwritten.",
)
def command(role: str, name: str, path: Path | None) -> None:
    """Write the project of a new connector, with tests that pass.

    NAME is the project's, such as my-crm; its package and connector type are then my_crm.

    Exit codes: 0 written, 2 the name cannot be used, or a file is there already.
    """
    from acme_sdk.errors import AcmeError
    from acme_sdk.scaffold import ProjectName, write_project

    try:
        project = ProjectName.parse(name)
        folder = path or Path(project.project)
        written = write_project(role, project, folder)
    except AcmeError as error:
        print_error(error)
        sys.exit(2)
    click.echo(f"The {role} {project.package}, a project of {len(written)} files in {folder}:")
    for file in written:
        click.echo(f"  {file.relative_to(folder)}")
    click.echo(f"\nNext:\n  cd {folder}\n  pip install -e . pytest\n  pytest")
