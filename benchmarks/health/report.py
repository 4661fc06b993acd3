"""The measured figures as tables of the docs page."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

__all__ = ["Figures", "machine", "soak_table", "table"]

Record = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """What was measured with one number of connectors.

    Attributes:
        connectors: How many.
        minutes: How long the daemon ran.
        load_s: Seconds until the daemon knows the code location, code server included.
        tick_s: Seconds of the ticks that checked something: median and longest, without the first one.
        first_tick_s: Seconds of the first tick, which stores every state.
        checks_per_minute: Of all connectors together, in the last minute.
        gap_s: The longest time between two checks of one connector.
        first_events: What the first ticks stored.
        later_events: What was stored afterwards, within the heartbeat's interval.
        events_per_day: What a quiet connector costs: its heartbeats.
        cursor_kb: The size of the health sensor's cursor.
        daemon_mb: Memory of the daemon at the end.
        code_server_mb: Memory of the code server at the end.
    """

    connectors: int
    minutes: float
    load_s: float
    tick_s: tuple[float, float]
    first_tick_s: float
    checks_per_minute: float
    gap_s: float
    first_events: int
    later_events: int
    events_per_day: float
    cursor_kb: float
    daemon_mb: float
    code_server_mb: float

    def to_record(self) -> Record:
        """Return the fields as JSON has them."""
        return asdict(self)


def table(records: Iterable[Record]) -> str:
    """Return the growth curve, a line for each number of connectors, and the bars below."""
    lines = [
        "| connectors | load s | tick s: median, longest | first tick s | checks/min | longest gap s "
        "| events a day each | cursor kB | daemon MB | code server MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    verdicts = []
    for r in sorted(records, key=lambda record: record["connectors"]):
        lines.append(
            f"| {r['connectors']:,} | {r['load_s']:.1f} | {r['tick_s'][0]:.1f}, {r['tick_s'][1]:.1f} "
            f"| {r['first_tick_s']:.1f} | {r['checks_per_minute']:,.0f} | {r['gap_s']:.0f} "
            f"| {r['events_per_day']:.0f} | {r['cursor_kb']:.1f} | {r['daemon_mb']:.0f} "
            f"| {r['code_server_mb']:.0f} |"
        )
        verdicts += _verdicts(r)
    return "\n".join([*lines, "", *verdicts]).rstrip() + "\n"


def _verdicts(record: Record) -> list[str]:
    if record["connectors"] != 1000:
        return []
    longest = max(record["tick_s"][1], record["first_tick_s"])
    reached = [
        (f"load in {record['load_s']:.1f} s (bar 15 s)", record["load_s"] <= 15),
        (f"longest tick {longest:.1f} s (bar 20 s)", longest <= 20),
        (
            f"{record['checks_per_minute']:,.0f} checks a minute (bar: each once)",
            record["checks_per_minute"] >= record["connectors"],
        ),
    ]
    return [f"- {text}: {'kept' if kept else '**missed**'}" for text, kept in reached]


def soak_table(record: Record) -> str:
    """Return what was used before and after a soak, and how often the others were checked."""
    before, after, gaps = record["before"], record["after"], record["gaps"]
    lines = [
        f"{record['connectors']:,} connectors for {record['minutes']:g} minutes. "
        "Of them 50 hang, 50 fail and 10 have no secret.",
        "",
        "| | after the first ticks | at the end |",
        "|---|---|---|",
        *(f"| {name.replace('_', ' ')} | {before[name]:,.0f} | {after[name]:,.0f} |" for name in before),
        "",
        f"Between two checks of a healthy connector: median {median(gaps):.0f} s, "
        f"longest {max(gaps):.0f} s, over {len(gaps):,} checks. "
        f"Longest tick: {record['longest_tick_s']:.1f} s.",
    ]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Describe what it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {memory:.0f} GiB of memory, Python {platform.python_version()}"
