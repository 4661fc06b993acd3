"""The parts of `make bench` that say whether a figure counts: the checksum, the bars, which run is shown."""

import sys
from pathlib import Path

import duckdb
import pytest

from acme.sdk import open_connector
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.sync import StreamPlan, sync_stream
from benchmarks.sync import orders
from benchmarks.sync.bars import ACME, LARGE, Bar, Figures, Memory, Rate, Ratio, Seconds
from benchmarks.sync.report import figures_of, latest, tables
from benchmarks.sync.server import Server
from benchmarks.sync.sources.order_rows import OrderRowsSource
from tests.servers import DatabaseServer


def test_a_copy_has_the_same_checksum_and_changed_rows_another(postgres: DatabaseServer):
    server = Server(postgres)
    orders.make(server, "bench_orders", 200)
    original = orders.in_postgres(server, "bench_orders")
    server.create("bench_copy", template="bench_orders")
    assert orders.in_postgres(server, "bench_copy") == original
    assert original.rows == 200
    orders.make_changed(server, "bench_changed", "bench_orders")
    changed = orders.in_postgres(server, "bench_changed")
    assert changed.rows == 200
    assert changed.checksum != original.checksum


def test_rows_have_the_same_checksum_in_python_and_in_duckdb(tmp_path: Path):
    file = tmp_path / "orders.duckdb"
    with (
        open_connector(OrderRowsSource, {"rows": 300}) as source,
        open_connector(DuckDBDestination, {"path": str(file)}) as target,
    ):
        sync_stream(source, target, StreamPlan("bench", table="orders"))
    python = Path(sys.executable)
    assert orders.in_duckdb(file, python) == orders.of_rows(300)
    with duckdb.connect(str(file)) as database:
        database.execute("UPDATE orders SET note = 'other' WHERE id = 7")
    assert orders.in_duckdb(file, python) != orders.of_rows(300)


def test_the_same_orders_have_the_same_checksum_in_parquet_and_in_postgres(
    postgres: DatabaseServer, tmp_path: Path
):
    server = Server(postgres)
    orders.make(server, "bench_exported", 100)
    rows = server.query("bench_exported", "SELECT * FROM orders")
    folder = tmp_path / "orders"
    folder.mkdir()
    with duckdb.connect() as database:
        database.execute(
            "CREATE TABLE orders (id bigint, customer_id int, order_uuid uuid, status text, description text,"
            " amount decimal(12, 2), score double, is_paid boolean, order_date date, updated_at timestamptz,"
            " meta json, note text)"
        )
        database.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * 12)})", rows)
        database.execute(f"COPY orders TO '{folder / 'one.parquet'}'")
    assert orders.in_parquet(tmp_path, Path(sys.executable)) == orders.in_postgres(server, "bench_exported")


def figures(wall_s: float = 1.0, peak_mb: float = 100.0, rows: int = 1000) -> Figures:
    run = {"wall_s": wall_s, "cpu_s": 0.0, "server_cpu_s": 0.0, "peak_mb": peak_mb, "rows": rows}
    return Figures.of([run])


@pytest.mark.parametrize(
    ("bar", "good", "bad"),
    [
        (
            Ratio("psql", 1.2),
            {ACME: figures(1.19), "psql": figures(1.0)},
            {ACME: figures(1.21), "psql": figures(1.0)},
        ),
        (Rate(1000), {ACME: figures(1.0)}, {ACME: figures(1.01)}),
        (Seconds(0.7), {ACME: figures(0.7)}, {ACME: figures(0.71)}),
        (
            Memory(200),
            {ACME: figures(peak_mb=180), LARGE: figures(peak_mb=197)},
            {ACME: figures(peak_mb=180), LARGE: figures(peak_mb=199)},
        ),
        (
            Memory(200, apart_mb=50),
            {ACME: figures(peak_mb=249), LARGE: figures(peak_mb=250)},
            {ACME: figures(peak_mb=249), LARGE: figures(peak_mb=251)},
        ),
    ],
)
def test_a_bar_is_kept_or_missed(bar: Bar, good: dict[str, Figures], bad: dict[str, Figures]):
    assert bar.judge(good).kept
    assert not bar.judge(bad).kept


def record(label: str, run: str, wall_s: float, **more: object) -> dict[str, object]:
    figures = {"wall_s": wall_s, "cpu_s": 0.0, "server_cpu_s": 0.0, "peak_mb": 1.0, "rows": 10}
    return {"work": "W1", "label": label, "run": run} | figures | more


def test_the_table_has_the_medians_of_the_last_run():
    runs = latest(
        [record("psql COPY", "first", 9.0), record(ACME, "first", 9.0)]
        + [record("psql COPY", "second", 1.0) for _ in range(3)]
        + [record(ACME, "second", wall_s) for wall_s in (1.1, 5.0, 1.0)]
    )
    [line] = [line for line in tables(runs).splitlines() if "psql COPY: " in line]
    assert [cell.strip() for cell in line.split("|")[2:-1]] == [
        "psql COPY: 1.00 s", "1.10 s", "1.10", "≤ 1.2", "kept"
    ]  # fmt: skip


def test_who_failed_once_has_no_figures_and_misses_the_bar():
    records = [record("psql COPY", "run", 1.0), record(ACME, "run", 1.0), record(ACME, "run", 1.0, fault="x")]
    assert set(figures_of(records)) == {"psql COPY"}
    assert f"{ACME} failed" in tables(latest(records))
