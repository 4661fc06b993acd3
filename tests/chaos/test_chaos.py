"""Syncs that are killed at random moments, or whose database is stopped, and that are started again.

A selection of what ``make chaos`` does.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acme_sdk import WriteMode
from tests.chaos.arena import Arena
from tests.chaos.story import Scenario, play

APPEND, OVERWRITE, UPSERT = WriteMode.APPEND, WriteMode.OVERWRITE, WriteMode.UPSERT


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with Arena(tmp_path_factory.mktemp("chaos")) as arena:
        yield arena


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(OVERWRITE, "postgres", "postgres"),
        Scenario(UPSERT, "partitions", "postgres"),
        Scenario(APPEND, "checkpoints", "duckdb"),
        Scenario(OVERWRITE, "ordered", "duckdb"),
        Scenario(APPEND, "ordered", "bigquery"),
        Scenario(APPEND, "checkpoints", "postgres", "destination"),
        Scenario(UPSERT, "postgres", "duckdb", "source"),
    ],
    ids=str,
)
def test_every_row_is_there_once_whatever_was_struck(arena: Arena, scenario: Scenario) -> None:
    counts = play(arena, scenario, kills=2, seed=1)
    assert not counts.problems
    assert (counts.lost, counts.twice) == (0, 0)
    assert counts.kills == 2
    assert counts.looks > 0
