"""Showing results: to people with Rich, to programs as JSON."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from shutil import which
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from acme_sdk.testing.result import Connector, Frame, Outcome, Result
from acme_sdk.testing.runner import Begun, Event, Kept, Refused, Rows, Started

__all__ = ["Progress", "Report", "print_event", "print_summary"]

_MARKS = {
    Outcome.PASSED: ("✓", "green"),
    Outcome.FAILED: ("✗", "bold red"),
    Outcome.SKIPPED: ("–", "dim"),  # noqa: RUF001 - a dash, not a minus
    Outcome.UNREACHABLE: ("?", "yellow"),
    Outcome.MISCONFIGURED: ("?", "yellow"),
}
_WIDTH = 24
_EXIT_OK, _EXIT_CONNECTOR, _EXIT_USAGE, _EXIT_UNREACHABLE = range(4)


class Report:
    """All that happened in one run of the harness.

    Args:
        file: The connector's file, as the user wrote it.
        seed: The seed of the run.
    """

    def __init__(self, file: Path, seed: int) -> None:
        self.file = file
        self.seed = seed
        self.connectors: list[Connector] = []
        self.results: list[Result] = []
        self.rows: Rows | None = None
        self.kept: Kept | None = None
        self.refused: Refused | None = None

    def add(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Started(connector, _):
                self.connectors.append(connector)
            case Result():
                self.results.append(event)
            case Rows():
                self.rows = event
            case Kept():
                self.kept = event
            case Refused():
                self.refused = event

    @property
    def exit_code(self) -> int:
        """0 all passed, 1 the connector is at fault, 2 bad usage, 3 the target is unreachable."""
        outcomes = {result.outcome for result in self.results}
        if self.refused is not None:
            return _EXIT_CONNECTOR if self.refused.code == "type.import_failed" else _EXIT_USAGE
        if Outcome.FAILED in outcomes:
            return _EXIT_CONNECTOR
        if Outcome.MISCONFIGURED in outcomes:
            return _EXIT_USAGE
        return _EXIT_UNREACHABLE if Outcome.UNREACHABLE in outcomes else _EXIT_OK

    def counts(self) -> dict[Outcome, int]:
        """How many checks ended how, in the order of `Outcome`."""
        found = Counter(result.outcome for result in self.results)
        return {outcome: found[outcome] for outcome in Outcome if found[outcome]}

    def to_json(self, seconds: float) -> dict[str, Any]:
        """Return the report as JSON-safe values.

        Args:
            seconds: How long all of it took.
        """
        rows = self.rows
        return {
            "file": str(self.file),
            "exit_code": self.exit_code,
            "seconds": round(seconds, 3),
            "seed": self.seed,
            "rows": rows.rows if rows else None,
            "rows_per_second": _rate(rows) if rows else None,
            "peak_memory_bytes": rows.peak_bytes if rows else None,
            "rows_file": str(self.kept.file) if self.kept else None,
            "counts": {str(outcome): number for outcome, number in self.counts().items()},
            "error": (
                {"code": self.refused.code, "message": self.refused.message, "hint": self.refused.hint}
                if self.refused
                else None
            ),
            "checks": [result.to_json() for result in self.results],
        }


class Progress:
    """A line at the end of a terminal that says which check is under way; nothing elsewhere."""

    def __init__(self, console: Console) -> None:
        self._status = console.status("getting ready") if console.is_terminal and not console.quiet else None
        self._number = self._checks = 0

    def show(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Started(_, checks):
                self._number, self._checks = 0, checks
            case Begun() if self._status is not None:
                self._number += 1
                self._status.update(f"{self._number} of {self._checks}  {event.title}")

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()


def print_event(console: Console, event: Event, file: Path) -> None:
    """Print what can be said about an event; nothing for most."""
    match event:
        case Started(connector, _):
            title = Text.assemble((connector.name, "bold"), f"  {connector.role}  ", (str(file), "dim"))
            console.print(title)
            console.print()
        case Result():
            _print_result(console, event)
        case Refused():
            console.print(Text.assemble(("✗ ", "bold red"), event.message))
            _print_frames(console, event.frames)
            _print_hint(console, event.hint)
        case Begun() | Rows() | Kept():
            pass


def print_summary(console: Console, report: Report, seconds: float) -> None:
    """Print one line with the numbers, and what to make of them."""
    if report.refused is not None or not report.results:
        return
    parts = [f"{number} {outcome}" for outcome, number in report.counts().items()]
    if report.rows is not None:
        parts.append(f"{report.rows.rows:,} rows at {_rate(report.rows):,} rows/s")
        parts.append(f"peak memory {report.rows.peak_bytes >> 20} MiB")
    parts += [f"{seconds:.1f} s", f"seed {report.seed}"]
    ends = {
        _EXIT_OK: ("all checks passed", "bold green"),
        _EXIT_CONNECTOR: ("the connector is at fault", "bold red"),
        _EXIT_USAGE: ("the connector refuses this configuration", "bold yellow"),
        _EXIT_UNREACHABLE: ("the target is unreachable: no verdict on the connector", "bold yellow"),
    }
    console.print()
    console.print(Text.assemble(ends[report.exit_code], "  ", (" · ".join(parts), "default")))
    if report.kept is not None:
        console.print(Text.assemble(("look into the rows: ", "dim"), _opening(report.kept)), soft_wrap=True)


def _opening(kept: Kept) -> str:
    """Return a command that shows the rows."""
    if which("duckdb"):
        return shlex.join(["duckdb", "-readonly", str(kept.file)])
    table = kept.tables[0].replace('"', '""')
    code = f"import duckdb; duckdb.connect({str(kept.file)!r}, read_only=True).sql('FROM \"{table}\"').show()"
    return shlex.join(["python", "-c", code])


def _rate(rows: Rows) -> int:
    return round(rows.rows / rows.seconds) if rows.seconds else rows.rows


def _print_result(console: Console, result: Result) -> None:
    mark, style = _MARKS[result.outcome]
    line = Text.assemble((f"{mark} ", style), (f"{result.id:<{_WIDTH}}", "" if style == "dim" else "bold"))
    if result.outcome is Outcome.SKIPPED:
        console.print(line.append(f"skipped: {result.message}", "dim"))
        return
    line.append(result.title)
    if result.seconds >= 1:
        line.append(f"  {result.seconds:.1f} s", "dim")
    console.print(line)
    if result.outcome is Outcome.PASSED:
        return
    _indented(console, Text(result.message, style))
    _print_frames(console, result.frames)
    _print_hint(console, result.hint)


def _print_frames(console: Console, frames: tuple[Frame, ...]) -> None:
    for frame in frames:
        place = f"{_shortened(frame.file)}:{frame.line}"
        at = Text.assemble(("    at ", "dim"), place, (f" in {frame.function}", "dim"))
        # A path is never broken into two lines: it is there to be clicked or copied.
        console.print(at, soft_wrap=True)
        console.print(Text(f"        {frame.source}", "cyan"), soft_wrap=True)


def _print_hint(console: Console, hint: str) -> None:
    if hint:
        _indented(console, Text.assemble(("hint: ", "dim"), hint))


def _indented(console: Console, text: Text) -> None:
    console.print(Padding(text, (0, 0, 0, 4), expand=False))


def _shortened(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
