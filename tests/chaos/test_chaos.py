"""Syncs that are killed at random moments, or whose database is stopped, and that are started again.

A selection of what ``make chaos`` does.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acme_sdk import WriteMode
from tests.chaos.arena import Arena
from tests.chaos.story import Scenario, play
from tests.servers import server_folder

APPEND, OVERWRITE, UPSERT = WriteMode.APPEND, WriteMode.OVERWRITE, WriteMode.UPSERT


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with server_folder() as folder, Arena(folder) as arena:
        yield arena


@pytest.mark.parametrize(
    ("scenario", "kills"),
    [
        (Scenario(OVERWRITE, "postgres", "postgres"), 2),
        (Scenario(UPSERT, "partitions", "postgres"), 2),
        (Scenario(APPEND, "checkpoints", "duckdb"), 2),
        (Scenario(APPEND, "ordered", "bigquery"), 1),
        (Scenario(APPEND, "checkpoints", "postgres", "destination"), 1),
    ],
    ids=str,
)
def test_every_row_is_there_once_whatever_was_struck(arena: Arena, scenario: Scenario, kills: int) -> None:
    counts = play(arena, scenario, kills, seed=1)
    assert not counts.problems
    assert (counts.lost, counts.twice) == (0, 0)
    assert counts.kills == kills
    assert counts.looks > 0
