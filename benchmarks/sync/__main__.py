"""Measure syncs beside their peers, and write the table of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.sync import report
from benchmarks.sync.contestants import Contestants
from benchmarks.sync.environments import REPOSITORY
from benchmarks.sync.rounds import Rounds
from benchmarks.sync.server import serving
from benchmarks.sync.works import WORKS, Entry, Work

HERE = Path(__file__).resolve().parent
FOLDER = REPOSITORY / ".acme" / "bench"
RESULTS = FOLDER / "results.jsonl"
PAGE = REPOSITORY / "docs" / "benchmarks.md"
MARK = "<!-- the table -->"
#: For a median that is worth writing down.
LEAST_ROUNDS = 5


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server is stopped, too
    works = [work for work in WORKS if not options.only or work.key in options.only]
    names = {entry.contestant for work in works for entry in _entries(work, options.peers)}
    contestants = Contestants(names, FOLDER / "environments", _workspace())
    about = {"run": datetime.now(UTC).isoformat(), "full": options.rows, "rounds": options.rounds}
    with serving(FOLDER / "postgres") as server, TemporaryDirectory(dir=FOLDER) as scratch:
        rounds = Rounds(server, contestants, Path(scratch), options.rows)
        for work in works:
            done = rounds.run(work, _entries(work, options.peers), options.rounds)
            _append([about | record for record in done])
        version = server.version
    everything = report.latest(_records())
    runs = {work.key: everything[work.key] for work in works}
    print(_text(runs, report.machine(version, contestants.environments, runs)))
    if options.write:
        alike = (record for record in _records() if record["full"] == options.rows)
        runs = report.latest(record for record in alike if record["rounds"] >= LEAST_ROUNDS)
        text = _text(runs, report.machine(version, contestants.environments, runs))
        PAGE.write_text(f"{PAGE.read_text().partition(MARK)[0]}{MARK}\n\n{text}")


def _text(runs: Mapping[str, list[dict[str, Any]]], machine: str) -> str:
    return f"{report.tables(runs)}\n\n## The machine\n\n{machine}\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__)
    keys = [work.key for work in WORKS]
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=[], metavar="WORK,WORK",
        help=f"only these works, of {', '.join(keys)}",
    )  # fmt: skip
    parser.add_argument("--peers", choices=["fast", "all"], default="fast", help="all: also dlt and Sling")
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help="how often each is run (5)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the table (1,000,000)")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"write {PAGE.relative_to(REPOSITORY)}: the last run of each work",
    )
    options = parser.parse_args()
    if unknown := set(options.only) - set(keys):
        parser.error(f"there is no work {', '.join(sorted(unknown))}: there are {', '.join(keys)}")
    if options.rounds < 1 or options.rows < 1000:
        parser.error("at least one round and 1,000 rows are needed")
    if options.write and options.rounds < LEAST_ROUNDS:
        parser.error(f"what is written is the median of at least {LEAST_ROUNDS} rounds")
    return options


def _entries(work: Work, peers: str) -> list[Entry]:
    return [entry for entry in work.entries if peers == "all" or not entry.slow]


def _workspace() -> Path:
    """Make the workspace of our pipelines and return its file."""
    folder = FOLDER / "workspace"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "connectors").mkdir(parents=True)
    shutil.copy(HERE / "sources" / "order_rows.py", folder / "connectors")
    return Path(shutil.copy(HERE / "workspace.yaml", folder / "connectors.yaml"))


def _append(records: Iterable[dict[str, Any]]) -> None:
    with RESULTS.open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def _records() -> Iterator[dict[str, Any]]:
    with RESULTS.open() as file:
        yield from map(json.loads, file)


if __name__ == "__main__":
    main()
