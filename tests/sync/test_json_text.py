"""JSON columns: what the fast writer writes is what the standard one writes."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from enum import IntEnum
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_sdk.json_text import write_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
KEYS = TEXT | st.integers() | st.none() | st.booleans()
VALUES = st.recursive(
    PLAIN | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(TEXT, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=2)
    ),
    max_leaves=12,
)


class Colour(IntEnum):
    RED = 1


def standard(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def written(*values: Any) -> list[str]:
    places, texts = write_json(list(values), standard)
    ends = memoryview(places).cast("i").tolist()
    return [texts[begin:end].decode() for begin, end in pairwise(ends)]


@given(st.lists(VALUES))
def test_texts_are_those_of_the_standard_writer(values: list[Any]) -> None:
    assert written(*values) == ["" if value is None else standard(value) for value in values]


@pytest.mark.parametrize(
    "value",
    [
        [2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**30, 0, -1, 10],
        [1e16, 1e-7, 0.1, -0.0, 5e-324, 1.7976931348623157e308, 100.0],
        "".join(map(chr, range(0x20))) + '"\\/\x7f\x80\u2028é🙂',
        {"": {"": []}, "a\nb": [{}, [[]], [True, False, None]]},
        [Colour.RED, Decimal("1.50"), date(2026, 1, 1), (1, 2)],
        {2: "a", None: "b", True: "c", 1.5: "d"},
    ],
)
def test_edges(value: Any) -> None:
    assert written(value, [1]) == [standard(value), "[1]"]


def test_deep_values_are_the_other_writers() -> None:
    value: Any = []
    for _ in range(200):
        value = [value]
    assert written(value, {"a": 1}) == [standard(value), '{"a":1}']
    value.append(value)
    with pytest.raises((ValueError, RecursionError)):
        written(value)


@pytest.mark.parametrize("value", [[float("nan")], {"a": float("inf")}, ["\ud800"], {"\ud800": 1}])
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON compliant|surrogates"):
        written([1], value)


def test_large_texts_make_the_buffer_grow() -> None:
    values = [{"text": "x" * size} for size in (0, 1, 1000, 100_000, 3)] * 3
    assert written(*values) == list(map(standard, values))
