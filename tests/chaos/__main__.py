"""``make chaos``: kill syncs into every destination, in every mode, and count what is lost or there twice."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from acme_sdk import WriteMode
from tests.chaos.arena import Arena
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.story import Counts, Scenario, play

__all__ = ["main"]

# A sync into the emulator takes many times as long.
_SLOW_SHARE = 3


def main() -> int:
    """Play all stories and print the table; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=240, help="about how many runs are killed in all")
    parser.add_argument("--seed", type=int, default=1, help="decides all moments")
    parser.add_argument("--only", default="", help="only the scenarios with this in their name")
    arguments = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if arguments.only in str(scenario)]
    shares = {scenario: _share(scenario) for scenario in chosen}
    # A run that is stopped stops its servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console, began = Console(), time.monotonic()
    counts: dict[tuple[WriteMode, str], Counts] = defaultdict(Counts)
    with tempfile.TemporaryDirectory(prefix="acme_chaos_") as folder, Arena(Path(folder)) as arena:
        for scenario, share in shares.items():
            kills = max(1, -(-arguments.kills * share // sum(shares.values())))
            story = _played(arena, scenario, kills, arguments.seed)
            console.print(f"{scenario}: {story.kills} kills, lost {story.lost}, twice {story.twice}")
            for problem in story.problems:
                console.print(f"  {problem}", style="red", markup=False)
            counts[scenario.mode, scenario.destination].add(story)
    _print(console, counts)
    console.print(f"seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    return 1 if any(found.problems for found in counts.values()) else 0


def _share(scenario: Scenario) -> int:
    return 1 if scenario.destination == "bigquery" else _SLOW_SHARE


def _played(arena: Arena, scenario: Scenario, kills: int, seed: int) -> Counts:
    try:
        return play(arena, scenario, kills, seed)
    except (AssertionError, TimeoutError) as error:
        return Counts(problems=[f"{scenario}: {error}"])


def _print(console: Console, counts: dict[tuple[WriteMode, str], Counts]) -> None:
    table = Table("Mode", "Destination")
    for name in ("Runs", "Kills", "Looks", "Rows lost", "Rows twice", "Problems"):
        table.add_column(name, justify="right")
    total = Counts()
    for (mode, destination), found in sorted(counts.items()):
        table.add_row(mode.value, destination, *_figures(found))
        total.add(found)
    table.add_section()
    table.add_row("all", "", *_figures(total))
    console.print(table)


def _figures(found: Counts) -> list[str]:
    figures = (found.runs, found.kills, found.looks, found.lost, found.twice, len(found.problems))
    return [f"{figure:,}" for figure in figures]


if __name__ == "__main__":
    sys.exit(main())
