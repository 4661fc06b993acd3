"""Connectors of different style that have no fault: the harness finds none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.conftest import harness

CORRECT = Path(__file__).parent / "correct"
# What a connector does not have, or the target is too small to tell.
NO_HTTP = {"config", "extraction.exact", "extraction.odd_record", "health", "http", "secrets"}
NO_CURSOR = {"incremental", "streams.cursor", "streams.order", "streams.primary_key", "streams.schema"}
NO_PARTS = {"streams.partitions", "resume.state", "resume.checkpoint"}
NO_READ_BACK = {"destination.upsert", "destination.overwrite"}
NO_TRANSACTIONS = {"destination.exclusive", "destination.state"}
SKIPPED = {
    "append_only": {"config.defaults", "destination.partial", "secrets.repr", "secrets.output"}
    | {"secrets.error", "secrets.report"}
    | NO_READ_BACK
    | NO_TRANSACTIONS,
    "columns": NO_HTTP
    | (NO_CURSOR - {"streams.schema", "streams.primary_key"})
    | NO_PARTS
    | {"extraction.last_run", "memory"},
    "cursor_pages": NO_CURSOR | NO_PARTS,
    "nothing_new": NO_HTTP
    | NO_CURSOR
    | NO_PARTS
    | {"extraction.rows", "extraction.values", "extraction.columns", "resume.rerun", "memory"},
    "standard_library": NO_HTTP | NO_CURSOR | NO_PARTS | {"memory"},
}
# It depends on the machine's speed how many rows come in the time that this takes.
UNSURE = {"memory.flat"}
# It sees requests by any client, and none is fine, too.
FOR_ALL = {"http.own_client", "http.verify"}


@pytest.mark.parametrize("name", SKIPPED)
def test_a_correct_connector_passes(name, source_config, destination_config):
    config = destination_config if name == "append_only" else source_config
    ended = harness(CORRECT / f"{name}.py", config, "--json", "--skip", "http.rate_limit")
    assert (ended.exit_code, ended.failed) == (0, set())
    skipped = {check for check, outcome in ended.outcomes.items() if outcome == "skipped"}
    expected = {
        check for check in ended.outcomes if check in SKIPPED[name] or check.split(".")[0] in SKIPPED[name]
    }
    assert skipped - UNSURE == expected - UNSURE - FOR_ALL
    assert all(check["message"] for check in ended.report["checks"] if check["outcome"] == "skipped")


def test_every_correct_connector_is_tried():
    assert {path.stem for path in CORRECT.glob("*.py")} == set(SKIPPED)
