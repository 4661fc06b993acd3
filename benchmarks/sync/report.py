"""The records of runs as tables of the docs page."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.sync.bars import Figures
from benchmarks.sync.environments import Environment
from benchmarks.sync.works import WORKS, Work

__all__ = ["figures_of", "latest", "machine", "tables"]

Record = dict[str, Any]
# What the comparison depends upon, of each environment.
_SHOWN = ("acme-connectors", "duckdb", "pyarrow", "psycopg", "dlt", "connectorx", "sling-linux-amd64")


def latest(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the records of the last run of each work, by the work's key."""
    runs: dict[str, list[Record]] = {}
    for record in records:
        before = runs.get(record["work"], [])
        same = before and before[0]["run"] == record["run"]
        runs[record["work"]] = [*before, record] if same else [record]
    return runs


def figures_of(records: Iterable[Record]) -> dict[str, Figures]:
    """Return the medians by label, of those whose runs were all good."""
    by_label: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_label[record["label"]].append(record)
    return {
        label: Figures.of(runs)
        for label, runs in by_label.items()
        if not any("fault" in record for record in runs)
    }


def tables(runs: Mapping[str, list[Record]]) -> str:
    """Return the table of bars and the one of all figures, of the works that were done."""
    done = [(work, figures_of(runs[work.key]), runs[work.key]) for work in WORKS if work.key in runs]
    bars = [
        "| work | beside | Acme | ratio | bar | |",
        "|---|---|---|---|---|---|",
        *(_bar_line(work, figures) for work, figures, _ in done),
    ]
    every = [
        "| work | who | seconds: median (range) | rows/s | CPU s | of the server | peak MB | runs |",
        "|---|---|---|---|---|---|---|---|",
        *(line for work, figures, records in done for line in _figure_lines(work, figures, records)),
    ]
    return "\n".join([*bars, "", "## All figures", "", *every])


def machine(
    server_version: str, environments: Mapping[str, Environment], runs: Mapping[str, list[Record]]
) -> str:
    """Describe what the runs were measured on, how busy it was before each, and with which versions."""
    records = [record for run in runs.values() for record in run]
    loads = sorted(record["load"] for record in records)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    about = [
        f"{records[0]['full']:,} rows",
        f"{len(os.sched_getaffinity(0))} cores of {_processor()}",
        f"{memory:.0f} GiB of memory",
        _system(),
        f"Python {platform.python_version()}",
        f"Postgres {server_version}, on the same machine, without fsync",
        f"load average before a run {median(loads):.1f}, at most {loads[-1]:.1f}",
    ]
    versions = []
    for name, environment in environments.items():
        packages = environment.packages()
        shown = ", ".join(f"{package} {packages[package]}" for package in _SHOWN if package in packages)
        versions.append(f"- {name}: {shown}")
    return "\n".join([", ".join(about) + ".", "", *versions])


def _bar_line(work: Work, figures: Mapping[str, Figures]) -> str:
    try:
        verdict = work.bar.judge(figures)
    except KeyError as missing:
        return f"| {work.title} | | {missing.args[0]} failed | | {work.bar.text} | **missed** |"
    kept = "kept" if verdict.kept else "**missed**"
    cells = (work.title, verdict.beside, verdict.reached, verdict.ratio, work.bar.text, kept)
    return f"| {' | '.join(cells)} |"


def _figure_lines(work: Work, figures: Mapping[str, Figures], records: list[Record]) -> Iterable[str]:
    for label in dict.fromkeys(record["label"] for record in records):
        if label not in figures:
            yield f"| {work.key} | {label} | failed | | | | | |"
            continue
        found = figures[label]
        low, high = found.wall_range_s
        yield (
            f"| {work.key} | {label} | {found.wall_s:.2f} ({low:.2f} to {high:.2f}) | {found.rows_s:,.0f}"
            f" | {found.cpu_s:.2f} | {found.server_cpu_s:.2f} | {found.peak_mb:.0f} | {found.runs} |"
        )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()
