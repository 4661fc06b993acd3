"""``acme init``: projects that pass their own tests, the harness, ruff and mypy as they are written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from importlib import util
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acme.cli import main
from acme.sdk.testing import Job, Outcome, Refused, run
from acme.sdk.testing import Result as CheckResult

ROOT = Path(__file__).parents[2]


def acme_init(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["init", *map(str, arguments)])


@pytest.fixture(scope="module", params=["source", "destination"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / "acme-trial"
    ended = acme_init(request.param, "acme-trial", "--path", folder)
    assert ended.exit_code == 0, ended.output
    return folder


def module(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in a project, with the present environment and no settings of this repository."""
    environment = {**os.environ, "PYTEST_ADDOPTS": "-p no:bqemulator", "MYPYPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project, env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip


def test_a_new_project_passes_its_own_tests(project):
    done = module(project, "pytest", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_new_project_is_clean(project):
    for command in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "--follow-imports=silent"],
    ):
        done = module(project, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_connector_passes_the_harness_as_its_readme_says(project):
    spec = util.spec_from_file_location("sample_api", project / "tests" / "sample_api.py")
    assert spec is not None
    assert spec.loader is not None
    sample = util.module_from_spec(spec)
    spec.loader.exec_module(sample)
    config = json.loads((project / "tests" / "config.json").read_text())
    with sample.SampleApi() as api:
        thread = threading.Thread(target=api.serve_forever, args=(0.02,))
        thread.start()
        job = Job(project / "src" / "acme_trial" / "connector.py", config | {"api_url": api.url})
        events = list(run(job))
        api.shutdown()
        thread.join()
    assert not [event for event in events if isinstance(event, Refused)]
    results = [event for event in events if isinstance(event, CheckResult)]
    assert len(results) > 10
    assert not [result for result in results if result.outcome not in (Outcome.PASSED, Outcome.SKIPPED)]


def test_nothing_of_the_templates_is_left_open(project):
    files = [path for path in project.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert project / ".gitignore" in files
    for path in files:
        assert "$" not in path.name
        if path.suffix in (".py", ".toml", ".json"):
            assert "$" not in path.read_text()


def test_a_project_declares_its_type(project):
    import tomllib

    document = tomllib.loads((project / "pyproject.toml").read_text())
    assert document["project"]["name"] == "acme-trial"
    assert document["project"]["entry-points"]["acme.connectors"] == {"acme_trial": "acme_trial.connector"}


def test_nothing_is_overwritten(tmp_path):
    kept = tmp_path / "acme-trial" / "README.md"
    kept.parent.mkdir()
    kept.write_text("mine")
    ended = acme_init("source", "acme-trial", "--path", kept.parent)
    assert ended.exit_code == 2
    assert "README.md is there already" in ended.output
    assert [path.name for path in kept.parent.iterdir()] == ["README.md"]
    assert kept.read_text() == "mine"


def test_a_file_in_the_folders_place_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    ended = acme_init("source", "acme-trial", "--path", tmp_path / "file" / "project")
    assert ended.exit_code == 2
    assert "--path" in ended.output


def test_the_folder_has_the_projects_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = acme_init("destination", "acme_trial")
    assert ended.exit_code == 0
    assert (tmp_path / "acme-trial" / "src" / "acme_trial" / "connector.py").is_file()
    assert "cd acme-trial" in ended.output


@pytest.mark.parametrize(
    ("name", "reason", "near"),
    [
        ("My CRM", "lower-case", "my-crm"),
        ("MyCrm", "lower-case", "my-crm"),
        ("3com", "lower-case", "com"),
        ("a--b", "lower-case", "a-b"),
        ("../up", "lower-case", "up"),
        ("ünï", "lower-case", "n"),
        ("!", "lower-case", "my-crm"),
        ("class", "word of the Python language", "class-connector"),
        ("json", "standard library", "json-connector"),
        ("postgres", "connector type already", "postgres-connector"),
        ("requests", "installed package already", "requests-connector"),
        ("tests", "installed package already", "tests-connector"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_one_near_it(tmp_path, monkeypatch, name, reason, near):
    monkeypatch.chdir(tmp_path)
    ended = acme_init("source", name)
    assert ended.exit_code == 2
    assert reason in ended.output
    assert ended.output.rstrip().endswith(f"for example {near}")
    assert not list(tmp_path.iterdir())
