import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_sdk.secrets import MASK, Redactor, is_reference

secrets = st.text(min_size=4, max_size=40)


@given(secrets, st.text(max_size=20), st.text(max_size=20))
def test_a_secret_disappears_in_every_spelling(secret, before, after):
    redactor = Redactor([secret])
    for spelling in (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode(),
    ):
        assert redactor.redact(before + spelling + after).replace(MASK, "").find(spelling) == -1 or (
            # The surroundings may happen to spell the secret once more, with a part of the mask's neighbours.
            spelling in before + after
        )


def test_a_short_secret_goes_only_as_a_word():
    redactor = Redactor(["ab"])
    assert redactor.redact("ab cab ab,") == f"{MASK} cab {MASK},"


def test_a_longer_secret_goes_before_one_that_it_contains():
    assert Redactor(["pass", "password1"]).redact("password1") == MASK


def test_a_key_of_several_lines_does_not_come_through_line_by_line():
    key = "-----BEGIN KEY-----\nabcdefgh12345\n-----END KEY-----"
    assert "abcdefgh12345" not in Redactor([key]).redact("bad line: abcdefgh12345")


def test_json_is_redacted_in_depth():
    value = {"a": ["x hunter2", {"hunter2": 1}], "n": 3, "t": True, "z": None}
    assert Redactor(["hunter2"]).redact_json(value) == {
        "a": [f"x {MASK}", {MASK: 1}],
        "n": 3,
        "t": True,
        "z": None,
    }


def test_nothing_to_hide_leaves_the_text_alone():
    assert (
        Redactor(
            [
                "",
            ]
        ).redact("text")
        == "text"
    )


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ({"env": "A"}, True),
        ({"file": "/x"}, True),
        ({"env": 1}, False),
        ({"env": "A", "file": "/x"}, False),
        ({"vault": "x"}, False),
        ("env", False),
        ({}, False),
    ],
)
def test_what_is_a_reference(value, answer):
    assert is_reference(value) is answer
