"""Killed at every step on the disk: readers see a load whole or not at all, and the checkpoint says which."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pytest

from acme_sdk import open_connector
from acme_sdk.connectors.parquet import ParquetDestination
from tests.parquet.loading import LOADS, NEW, load, plan, rows

# Each of these calls changes the disk, or ends a change. The process is killed just after its n-th one.
KILLED = """
import os, signal, sys, pathlib, shutil
from acme_sdk import open_connector
from tests.parquet.loading import *

root, at = sys.argv[1], int(sys.argv[2])
calls = 0

def counted(call):
    def wrapper(*args, **kwargs):
        global calls
        calls += 1
        result = call(*args, **kwargs)
        if calls >= at:  # another thread may have counted on
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return wrapper

for name in ("fsync", "link", "symlink", "rename", "replace", "mkdir", "unlink", "utime", "rmdir", "close"):
    setattr(os, name, counted(getattr(os, name)))
"""
AFTER = {
    "append": [(1,), (2,), (3,), (4,)],
    "widened": [(1, None), (2, None), (3, None), (4, None)],
    "overwrite": [(5,), (6,)],
    "refresh": [(7,), (8,)],
}


def killed(root: Path, what: str, at: int) -> bool:
    """Run a load in a process that is killed, and tell whether it was before its end."""
    code = f"""{KILLED}
with open_connector(ParquetDestination, {{"path": root}}) as destination:
    LOADS[{what!r}](destination)
"""
    process = subprocess.run([sys.executable, "-c", code, str(root), str(at)], check=False, timeout=280)
    assert process.returncode in (0, -9)
    return process.returncode == -9


def prepare(root: Path, what: str) -> list[tuple[int, ...]]:
    """Make the table that is there before, if any, and return its rows."""
    with open_connector(ParquetDestination, {"path": str(root)}) as destination:
        load(destination, plan(), [{"n": 1}])
        load(destination, plan(), [{"n": 2}])
        if what == "refresh":
            for n in (7, 8):
                load(destination, plan(refresh="r"), [{"n": n}])
    return [(1,), (2,)]


@pytest.mark.parametrize("what", LOADS)
def test_a_load_is_there_whole_or_not_at_all(tmp_path: Path, what: str) -> None:
    outcomes = set()
    # Every fourth step: all of them would take minutes.
    for at in range(1, 90, 4):
        root = tmp_path / str(at)
        before = prepare(root, what)
        ended = not killed(root, what, at)
        with open_connector(ParquetDestination, {"path": str(root)}) as destination:
            state = destination.state("shop", "orders")
            assert state is not None
            committed = state == NEW
            outcomes.add(committed)
            assert rows(root) == (AFTER[what] if committed else before)
            if not committed:
                LOADS[what](destination)
                assert destination.state("shop", "orders") == NEW
            assert rows(root) == AFTER[what]
            # Nothing is left over: the version that counts, and at most the ones before it.
            load(destination, plan(stream="others"))
            home = root / ".acme" / "tables" / "orders"
            current = int((home / "current").readlink().name)
            names = {entry.name for entry in home.iterdir()} - {"current", "lock"}
            assert all(int(name) <= current for name in names)
        if ended:
            break
    assert outcomes == {False, True}
    assert ended


@pytest.mark.parametrize("at", range(1, 40, 4))
def test_the_very_first_load(tmp_path: Path, at: int) -> None:
    root = tmp_path / "lake"
    code = "load(destination, plan(), [{'n': 1}])"
    process = (
        f"{KILLED}\nwith open_connector(ParquetDestination, {{'path': root}}) as destination:\n    {code}"
    )
    subprocess.run([sys.executable, "-c", process, str(root), str(at)], check=False, timeout=280)
    with open_connector(ParquetDestination, {"path": str(root)}) as destination:
        committed = destination.state("shop", "orders") is not None
        assert (root / "orders").exists() == committed
        if not committed:
            load(destination, plan(), [{"n": 1}])
    assert rows(root) == [(1,)]


def by_pyarrow(folder: Path) -> dict[int, int]:
    """Rows of each load in the version that the link leads to right now."""
    loads = ds.dataset(folder.resolve(), format="parquet").to_table()["load"]
    return {entry["values"]: entry["counts"] for entry in loads.value_counts().to_pylist()}


def by_duckdb(folder: Path) -> dict[int, int]:
    """The same by the folder's own name."""
    with duckdb.connect() as connection:
        query = f"SELECT load, count(*)::INT FROM '{folder}/*.parquet' GROUP BY load"
        return dict(connection.execute(query).fetchall())


@pytest.mark.parametrize("read", [by_pyarrow, by_duckdb])
def test_readers_that_read_all_the_time_see_whole_loads(
    tmp_path: Path, read: Callable[[Path], dict[int, int]]
) -> None:
    root = tmp_path / "lake"
    writer = f"""
from tests.parquet.loading import *
from acme_sdk import open_connector
config = {{"path": {str(root)!r}, "row_group_rows": 50, "file_mb": 1}}
with open_connector(ParquetDestination, config) as destination:
    for number in range(60):
        mode = WriteMode.OVERWRITE if number % 3 == 0 else WriteMode.APPEND
        load(destination, plan(mode), *[[{{"load": number, "n": n}} for n in range(100)]] * 3)
"""
    with open_connector(ParquetDestination, {"path": str(root)}) as destination:
        load(destination, plan(), [{"load": -1, "n": 0}])
    process = subprocess.Popen([sys.executable, "-c", writer])
    seen: set[tuple[int, ...]] = set()
    try:
        while process.poll() is None:
            try:
                counts = read(root / "orders")
            except duckdb.IOException:
                continue  # a file that was listed has been overwritten since
            numbers = tuple(sorted(counts))
            seen.add(numbers)
            if numbers != (-1,):
                assert set(counts.values()) == {300}
                assert numbers[0] % 3 == 0
                assert numbers == tuple(range(numbers[0], numbers[-1] + 1))
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert len(seen) > 5
