"""The pages of the documentation: they lead to each other, and what they show is as the code has it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dagster as dg
import pytest

from acme.cli import main
from acme_orchestration.definitions import build_definitions
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.declared import declared_in
from acme_orchestration.registry.document import read_document

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
SECTIONS = ("connectors:", "pipelines:", "alerts:")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, *languages: str) -> list[str]:
    """The blocks of code in some languages; those without one have the language ``""``."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [code for language, code in found if language in languages]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The pages and other files that a page links to, with the anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"\w+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def commands(page: Path) -> Iterator[list[str]]:
    """The calls of ``acme`` in a page, taken apart as a shell does."""
    for block in blocks(page, "console", "sh", ""):
        for line in block.replace("\\\n", " ").splitlines():
            if call := re.match(r"(?:\$ )?acme ([a-z].*)", line):
                words = shlex.shlex(call[1], posix=True, punctuation_chars="|>&;")
                words.whitespace_split = True
                found = list(words)
                end = next((i for i, word in enumerate(found) if word[0] in "|>&;"), len(found))
                yield found[:end]


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    broken = [
        f"{target}#{anchor}"
        for target, anchor in links(page)
        if not target.exists() or (anchor and anchor not in anchors(target))
    ]
    assert not broken


def test_the_index_leads_to_each_page() -> None:
    index = ROOT / "docs" / "index.md"
    pages = {page for page in PAGES if "docs" in page.relative_to(ROOT).parts} - {index, *DECISIONS}
    assert pages <= {target for target, _ in links(index)}
    assert index in {target for target, _ in links(ROOT / "README.md")}


def test_each_decision_has_a_number_and_a_title() -> None:
    for number, decision in enumerate(DECISIONS, start=1):
        assert decision.name.startswith(f"{number:04}-")
        assert re.match(rf"# {number}\. [A-Z]", decision.read_text()), decision.name


@each_page
def test_examples_in_python_are_python(page: Path) -> None:
    for code in blocks(page, "python"):
        ast.parse(code)


@each_page
def test_examples_of_a_workspace_have_no_fault(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "yaml")):
        overlay = "connectors.prod.yaml" in text  # its entries are incomplete by themselves
        if text.lstrip().startswith(SECTIONS) and not overlay:
            path = tmp_path / f"{number}.yaml"
            path.write_text(text)
            workspace = declared_in(read_document(path))
            entries = [*workspace.connectors.values(), *workspace.pipelines.values()]
            assert [entry.fault for entry in entries if entry.fault] == []
            assert [str(alert) for alert in workspace.alerts.values() if hasattr(alert, "fault")] == []


@each_page
def test_commands_are_as_the_pages_call_them(page: Path) -> None:
    for words in commands(page):
        command: click.Command = main
        context = click.Context(main)
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            found = command.get_command(context, name)
            assert found is not None, name
            command = found
        command.make_parser(click.Context(command)).parse_args(words)  # refuses options that there are not


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ``connectors.yaml``, which is the current one, and a home for Dagster."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ACME_REGISTRY_URL", raising=False)
    (tmp_path / "connectors.yaml").write_text(
        "connectors: {users_db: {type: postgres, role: source, config: {host: db, database: app}}}\n"
    )
    return tmp_path


def test_the_registry_does_what_its_page_says(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [example] = blocks(ROOT / "docs" / "registry.md", "python")
    exec(example, {})
    assert re.findall(r" ann (\w+) ", capsys.readouterr().out) == ["delete", "change", "register"]


def test_definitions_of_your_own_load_as_the_pages_show(workspace: Path) -> None:
    shown: dict[str, Any] = {}
    exec(blocks(ROOT / "docs" / "resources.md", "python")[0], shown)
    dg.Definitions.validate_loadable(shown["defs"])

    names: dict[str, Any] = {
        "workspace": read_workspace(workspace / "connectors.yaml"),
        "build_definitions": build_definitions,
    }
    exec(blocks(ROOT / "docs" / "health.md", "python")[-1], names)
    dg.Definitions.validate_loadable(names["defs"])
