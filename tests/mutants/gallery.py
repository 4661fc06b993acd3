"""The mutants and the correct connectors: what is in the folders, and what the docstrings say.

A mutant's docstring says in a sentence what the mistake is, and in its last line which checks must name it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """A connector and what the harness must say of it.

    Attributes:
        file: The connector.
        role: ``source`` or ``destination``.
        caught_by: The ids of the checks that must fail; none for a correct connector.
    """

    file: Path
    role: str
    caught_by: frozenset[str]

    def __str__(self) -> str:
        return f"{self.role}-{self.file.stem}"


def mutants() -> list[Case]:
    """Return every broken connector."""
    return [
        Case(file, role, _caught_by(file))
        for role in ("source", "destination")
        for file in sorted((HERE / f"{role}s").glob("*.py"))
    ]


def correct() -> list[Case]:
    """Return every connector without a fault."""
    return [
        Case(file, "destination" if "(DestinationConnector" in file.read_text() else "source", frozenset())
        for file in sorted((HERE / "correct").glob("*.py"))
    ]


def _caught_by(file: Path) -> frozenset[str]:
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    ids = re.search(r"^Caught by: (.+)$", text, re.MULTILINE)
    if ids is None:
        raise ValueError(f"{file.name}: the docstring does not say which check catches it")
    return frozenset(re.split(r",\s*", ids[1]))
