"""The checks themselves: ids, texts, order, documentation, and the Python face."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import acme.sdk.testing
import acme_sdk.testing
from acme.sdk.testing import Begun, Connector, Job, Outcome, Result, Rows, Started, run
from acme_sdk.errors import ConfigurationError
from acme_sdk.testing.registry import all_checks, select
from acme_sdk.testing.secrecy import looks_secret, suspected_secrets

ROOT = Path(__file__).parents[2]


def test_the_face_shows_the_same_classes():
    for name in acme_sdk.testing.__all__:
        assert getattr(acme.sdk.testing, name) is getattr(acme_sdk.testing, name)


def test_every_check_has_a_stable_id_a_sentence_and_a_hint():
    for check in all_checks():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", check.id)
        assert check.title
        assert check.hint
        assert check.run.__doc__
        assert f"{check.run.__module__}.".startswith(f"acme_sdk.testing.checks.{check.id.split('.')[0]}.")


def test_a_check_comes_after_those_that_it_needs():
    ids = [check.id for check in all_checks()]
    for check in all_checks():
        assert all(ids.index(need) < ids.index(check.id) for need in check.needs)


def test_the_documentation_has_every_check():
    documented = re.findall(
        r"^\| `([a-z]+\.[a-z_]+)` \|", (ROOT / "docs/test-connector.md").read_text(), re.MULTILINE
    )
    assert sorted(documented) == sorted(check.id for check in all_checks())


def test_checks_are_chosen_by_id_and_by_noun():
    everything = [check.id for check in select(["health"])]
    assert everything == ["health.answer", "health.down", "health.refused", "health.hang"]
    assert [check.id for check in select(["health"], ["health.down"])] == [
        check for check in everything if check != "health.down"
    ]
    assert len(select()) == len(all_checks())
    with pytest.raises(ConfigurationError, match="there is no check 'helth'") as caught:
        select(["helth"])
    assert caught.value.hint == "did you mean 'health'?"


def test_running_from_python(source_config):
    job = Job(
        ROOT / "tests/connectors/my_source.py", source_config, only=("extraction.ends", "extraction.rows")
    )
    events = list(run(job))
    me = Connector("MySource", "source")
    assert events[0] == Started(me, 2)
    assert [event.id for event in events if isinstance(event, Begun)] == [
        "extraction.ends",
        "extraction.rows",
    ]
    assert [event.outcome for event in events if isinstance(event, Result)] == [Outcome.PASSED] * 2
    assert [event.rows for event in events if isinstance(event, Rows)] == [250]
    assert source_config["api_key"] not in repr(job)


def test_a_result_survives_json():
    result = Result("a.b", "title", Connector("C", "source"), Outcome.FAILED, 0.5, "message", "hint")
    assert Result.from_json(result.to_json()) == result


@pytest.mark.parametrize(
    "field", ["password", "db_password", "apiKey", "API_KEY", "client_secret", "auth-token"]
)
def test_names_of_secrets(field):
    assert looks_secret(field)


@pytest.mark.parametrize("field", ["key_column", "next_page_token", "token_url", "passenger", "primary_key"])
def test_names_of_no_secrets(field):
    assert not looks_secret(field)


def test_secrets_are_suspected_where_no_schema_says_so():
    config = {
        "endpoint": "https://user:p%40ss@host/path",
        "headers": {"api_key": "k1", "accept": "json"},
        "password": {"env": "PASSWORD"},
        "tokens": ["t"],
        "table": "t",
    }
    assert set(suspected_secrets(config)) == {"p%40ss", "p@ss", "k1"}
