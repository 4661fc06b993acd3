"""Each broken connector has one fault, and the harness names it: these checks fail and no others."""

from __future__ import annotations

import pytest

from tests.harness.conftest import BROKEN, harness

SOURCES = {
    "changes_type": {"extraction.columns"},
    "crashes_on_none": {"extraction.ends"},
    "default_ignored": {"config.defaults"},
    "ends_the_process": {"extraction.ends"},
    "hangs_in_setup": {"lifecycle.setup"},
    "health_always_true": {"health.down"},
    "health_none": {"health.answer"},
    "key_error": {"config.required"},
    "leaves_process": {"lifecycle.leaks"},
    "leaves_socket": {"lifecycle.leaks"},
    "leaves_thread": {"lifecycle.leaks"},
    "logs_secret_on_refusal": {"secrets.output"},
    "misreads_error_page": {"http.server_error"},
    "naive_last_run": {"extraction.last_run"},
    "never_ends": {"extraction.ends"},
    "prints_secret": {"secrets.output"},
    "remembers_in_the_class": {"extraction.repeatable"},
    "repr_shows_secret": {"secrets.repr"},
    "schema_raises": {"config.schema"},
    "swallows_bad_json": {"http.truncated"},
    "swallows_errors": {"http.server_error", "http.truncated"},
    "teardown_needs_the_end": {"lifecycle.setup"},
    "teardown_refuses": {"lifecycle.abandoned", "lifecycle.failed"},
    "unmarked_secret": {"secrets.marked"},
    "wrong_schema": {"config.schema"},
    "yields_dict": {"extraction.rows"},
    "yields_sets": {"extraction.values"},
}
DESTINATIONS = {
    "load_cannot_upsert": {"destination.modes"},
    "load_counts_refused_rows": {"http.load_refused"},
    "load_needs_rows": {"destination.empty"},
    "load_none": {"destination.count"},
    "load_only_ascii": {"destination.values"},
    "load_wrong_count": {"destination.count"},
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_broken_source_is_named_by_the_right_check(name, source_config):
    # The one check that waits, for as long as a server asks, is tried on the specification's templates.
    ended = harness(
        BROKEN / f"{name}.py", source_config, "--json", "--timeout", "3", "--skip", "http.rate_limit"
    )
    assert (ended.failed, ended.exit_code) == (SOURCES[name], 1)


@pytest.mark.parametrize("name", DESTINATIONS)
def test_a_broken_destination_is_named_by_the_right_check(name, destination_config):
    ended = harness(BROKEN / f"{name}.py", destination_config, "--json", "--timeout", "3")
    assert (ended.failed, ended.exit_code) == (DESTINATIONS[name], 1)


def test_every_broken_connector_is_tried():
    assert {path.stem for path in BROKEN.glob("*.py")} == {*SOURCES, *DESTINATIONS}
