"""The checks as tests of pytest: classes that derive from ours, as an author writes them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from acme.sdk.testing import DestinationConnectorTests, SourceConnectorTests

CONNECTORS = Path(__file__).parents[1] / "connectors"


def load(name: str) -> object:
    spec = importlib.util.spec_from_file_location(name, CONNECTORS / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestMySource(SourceConnectorTests):
    connector_class = load("my_source").MySource
    skip = (
        "http.rate_limit",
        "incremental",
        "memory.flat",
        "resume.checkpoint",
        "resume.state",
        "streams.cursor",
        "streams.order",
        "streams.partitions",
        "streams.primary_key",
        "streams.schema",
    )

    @pytest.fixture
    def config(self, source_config):
        return source_config


class TestMyDestination(DestinationConnectorTests):
    skip = (
        "config",
        "health",
        "secrets",
        "destination.stored",
        "destination.upsert",
        "destination.overwrite",
        "destination.exclusive",
        "destination.state",
    )

    @pytest.fixture
    def connector_class(self):
        return load("my_destination").MyDestination

    @pytest.fixture
    def config(self, destination_config):
        return destination_config


def run_pytest(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:bqemulator",
            "-rA",
            str(folder),
            *arguments,
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "fickle.py").write_text(
        "from acme.sdk import Row, SourceConnector\n"
        "class Fickle(SourceConnector):\n"
        "    runs = 0\n"
        "    def extract(self, last_run=None):\n"
        "        Fickle.runs += 1\n"
        "        for number in range(100 - Fickle.runs):\n"
        "            yield Row({'id': number})\n"
    )
    (tmp_path / "test_fickle.py").write_text(
        "from acme.sdk.testing import SourceConnectorTests\n"
        "from fickle import Fickle\n"
        "class TestFickle(SourceConnectorTests):\n"
        "    connector_class = Fickle\n"
        "    config = {}\n"
    )
    return tmp_path


def test_a_failure_says_what_is_wrong_and_what_to_do(folder):
    output = run_pytest(folder)
    assert "FAILED test_fickle.py::TestFickle::test_connector[extraction.repeatable]" in output
    assert re.search(r"the first extraction gave \d+ rows, the second \d+", output)
    assert "hint: keep nothing of an extraction in the class" in output
    assert "PASSED test_fickle.py::TestFickle::test_connector[extraction.ends]" in output
    assert "1 failed" in output


def test_one_check_can_be_chosen(folder):
    output = run_pytest(folder, "-k", "extraction.ends")
    assert "1 passed" in output


def test_what_to_test_must_be_said(tmp_path):
    (tmp_path / "test_nothing.py").write_text(
        "from acme.sdk.testing import SourceConnectorTests\n"
        "class TestNothing(SourceConnectorTests):\n"
        "    config = {}\n"
    )
    assert "says nowhere what to test: give it 'connector_class'" in run_pytest(
        tmp_path, "-k", "config.schema"
    )
