"""What a work must reach, and whether it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Protocol

__all__ = ["ACME", "LARGE", "Bar", "Figures", "Memory", "Rate", "Ratio", "Seconds", "Verdict"]

#: The labels of what is judged: this project's sync, and the same with ten times the rows.
ACME = "Acme"
LARGE = "Acme, ten times the rows"
# More rows may take this much more memory: allocators are not exact.
_FLAT = 1.1


@dataclass(frozen=True)
class Figures:
    """The medians of some runs of the same thing.

    Attributes:
        wall_s: Seconds.
        wall_range_s: The lowest and the highest of them.
        cpu_s: CPU seconds.
        server_cpu_s: CPU seconds of the database server.
        peak_mb: MiB of memory.
        rows_s: Rows a second.
        runs: How many runs there were.
    """

    wall_s: float
    wall_range_s: tuple[float, float]
    cpu_s: float
    server_cpu_s: float
    peak_mb: float
    rows_s: float
    runs: int

    @classmethod
    def of(cls, records: list[dict[str, float]]) -> Figures:
        """Return the medians of runs."""
        walls = [record["wall_s"] for record in records]
        return cls(
            wall_s=median(walls),
            wall_range_s=(min(walls), max(walls)),
            cpu_s=median(record["cpu_s"] for record in records),
            server_cpu_s=median(record["server_cpu_s"] for record in records),
            peak_mb=median(record["peak_mb"] for record in records),
            rows_s=median(record["rows"] / record["wall_s"] for record in records),
            runs=len(records),
        )


@dataclass(frozen=True)
class Verdict:
    """What the table says of a work.

    Attributes:
        beside: What it is held against, with its figure; empty if that is a plain number.
        reached: The figure that counts.
        ratio: How much of the other's that is; empty without another.
        kept: Whether it is enough.
    """

    beside: str
    reached: str
    ratio: str
    kept: bool


class Bar(Protocol):
    """What a work must reach."""

    @property
    def text(self) -> str:
        """The bar in words."""

    def judge(self, figures: Mapping[str, Figures]) -> Verdict:
        """Hold figures, by label, against the bar."""


@dataclass(frozen=True)
class Ratio:
    """At most so many times what another takes, in the same rounds."""

    other: str
    limit: float

    @property
    def text(self) -> str:
        """The bar in words."""
        return f"≤ {self.limit:g}"

    def judge(self, figures: Mapping[str, Figures]) -> Verdict:
        """Hold the median times against each other."""
        ours, theirs = figures[ACME].wall_s, figures[self.other].wall_s
        beside = f"{self.other}: {theirs:.2f} s"
        return Verdict(beside, f"{ours:.2f} s", f"{ours / theirs:.2f}", ours <= self.limit * theirs)


@dataclass(frozen=True)
class Rate:
    """At least so many rows a second."""

    rows_s: int

    @property
    def text(self) -> str:
        """The bar in words."""
        return f"≥ {self.rows_s:,} rows/s"

    def judge(self, figures: Mapping[str, Figures]) -> Verdict:
        """Hold the median rate against it."""
        rows_s = figures[ACME].rows_s
        return Verdict("", f"{rows_s:,.0f} rows/s", "", rows_s >= self.rows_s)


@dataclass(frozen=True)
class Seconds:
    """At most so many seconds."""

    limit: float

    @property
    def text(self) -> str:
        """The bar in words."""
        return f"≤ {self.limit:g} s"

    def judge(self, figures: Mapping[str, Figures]) -> Verdict:
        """Hold the median time against it."""
        wall_s = figures[ACME].wall_s
        return Verdict("", f"{wall_s:.2f} s", "", wall_s <= self.limit)


@dataclass(frozen=True)
class Memory:
    """At most so much memory, and not more with ten times the rows.

    Attributes:
        limit_mb: MiB.
        apart_mb: What a database within the process may use beside it, as it was configured.
    """

    limit_mb: int
    apart_mb: int = 0

    @property
    def text(self) -> str:
        """The bar in words."""
        apart = f" + {self.apart_mb} MB of DuckDB's" if self.apart_mb else ""
        return f"≤ {self.limit_mb} MB{apart}, flat"

    def judge(self, figures: Mapping[str, Figures]) -> Verdict:
        """Hold the peaks against it and against each other."""
        few, many = figures[ACME].peak_mb, figures[LARGE].peak_mb
        kept = max(few, many) <= self.limit_mb + self.apart_mb and many <= few * _FLAT
        return Verdict("", f"{few:.0f} MB; {many:.0f} MB", f"{many / few:.2f}", kept)
