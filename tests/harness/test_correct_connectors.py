"""Connectors of different style that have no fault: the harness finds none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.conftest import harness

CORRECT = Path(__file__).parent / "correct"
SKIPPED = {
    "append_only": {"config.defaults", "secrets.repr", "secrets.output"},
    "columns": {"config", "health", "http", "secrets", "extraction.last_run"},
    "cursor_pages": set(),
    "nothing_new": {"config", "health", "http", "secrets", "extraction.rows", "extraction.values"}
    | {"extraction.columns"},
    "standard_library": {"config", "health", "http", "secrets"},
}


@pytest.mark.parametrize("name", SKIPPED)
def test_a_correct_connector_passes(name, source_config, destination_config):
    config = destination_config if name == "append_only" else source_config
    ended = harness(CORRECT / f"{name}.py", config, "--json", "--skip", "http.rate_limit")
    assert (ended.exit_code, ended.failed) == (0, set())
    skipped = {check for check, outcome in ended.outcomes.items() if outcome == "skipped"}
    assert skipped == {
        check for check in ended.outcomes if check in SKIPPED[name] or check.split(".")[0] in SKIPPED[name]
    }
    assert all(check["message"] for check in ended.report["checks"] if check["outcome"] == "skipped")


def test_every_correct_connector_is_tried():
    assert {path.stem for path in CORRECT.glob("*.py")} == set(SKIPPED)
