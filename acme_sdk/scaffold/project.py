"""Writing the templates as a project."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from acme_sdk.errors import ConfigurationError
from acme_sdk.scaffold.naming import ProjectName

__all__ = ["write_project"]

_SUFFIX = ".tmpl"


def write_project(role: str, name: ProjectName, folder: Path) -> list[Path]:
    """Write the project of a connector and return its files.

    Args:
        role: ``source`` or ``destination``.
        name: What it is called.
        folder: The project's folder; made if there is none.

    Raises:
        ConfigurationError: One of the files is there already (code ``file.exists``), or the folder cannot be
            written (``folder.not_writable``). Nothing is overwritten.
    """
    project = {folder / path: text for path, text in _rendered(role, name)}
    if taken := [path for path in project if path.exists() or path.is_symlink()]:
        raise ConfigurationError(
            f"{taken[0]} is there already, and is not overwritten",
            code="file.exists",
            hint="choose another folder with --path, or move the file away",
        )
    try:
        for path, text in project.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or folder} cannot be written: {error.strerror}",
            code="folder.not_writable",
            hint="choose another folder with --path",
        ) from error
    return list(project)


def _rendered(role: str, name: ProjectName) -> Iterator[tuple[str, str]]:
    """Yield the path within the project and the text of each file."""
    values = {
        "class_name": f"{name.camel}{role.title()}",
        "name": name.project,
        "package": name.package,
        "role": role,
        "title": name.title,
        "variable": f"{name.package.upper()}_API_KEY",
        "version": version("acme-connectors"),
    }
    templates = files("acme_sdk.scaffold") / "templates"
    for part in ("common", role):
        for path, text in _files_in(templates / part):
            yield Template(path).substitute(values), Template(text).substitute(values)


def _files_in(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files_in(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX), entry.read_text(encoding="utf-8")
