"""Streams that are declared as ordered: the cursor must not go down within a part."""

from __future__ import annotations

import pytest

from tests.harness.conftest import harness


def source(tmp_path, moments: dict[str, list[int]]):
    """Write a source whose stream has parts, each with rows at some moments."""
    file = tmp_path / "events.py"
    file.write_text(
        "from acme.sdk import Partition, Row, SourceConnector, Stream\n"
        f"MOMENTS = {moments!r}\n"
        "class Events(SourceConnector):\n"
        "    def streams(self):\n"
        "        return [Stream('events', primary_key=('id',), cursor_field='at', ordered=True)]\n"
        "    def partitions(self, stream):\n"
        "        return [Partition(name) for name in MOMENTS]\n"
        "    def extract_stream(self, stream, position):\n"
        "        for name in [position.partition.name] if position.partition else MOMENTS:\n"
        "            for number, at in enumerate(MOMENTS[name]):\n"
        "                if position.cursor is None or at >= position.cursor:\n"
        "                    yield Row({'id': f'{name}{number}', 'at': at})\n"
    )
    return file


def composite(tmp_path, wanted: str, order: str):
    """Write a source whose cursor has two columns, with sixty rows of a moment."""
    file = tmp_path / "visits.py"
    file.write_text(
        "from acme.sdk import Row, SourceConnector, Stream\n"
        f"ROWS = sorted(((n // 60, n) for n in range(100)), key=lambda row: {order})\n"
        "class Visits(SourceConnector):\n"
        "    def streams(self):\n"
        "        return [Stream('visits', primary_key=('id',), cursor_field=('at', 'id'), ordered=True)]\n"
        "    def extract_stream(self, stream, position):\n"
        "        for at, key in ROWS:\n"
        f"            if position.cursor is None or {wanted}:\n"
        "                yield Row({'at': at, 'id': key})\n"
    )
    return file


@pytest.mark.parametrize(
    ("wanted", "order", "failed"),
    [
        ("(at, key) >= position.cursor", "row", set()),
        ("(at, key) > position.cursor", "row", {"incremental.new_rows"}),
        ("at > position.cursor[0]", "row", {"incremental.new_rows"}),
        ("at >= position.cursor[0]", "row", {"incremental.old_rows"}),
        ("(at, key) >= position.cursor", "(row[0], -row[1])", {"streams.order"}),
    ],
)
def test_several_columns_are_compared_one_after_the_other(tmp_path, wanted, order, failed):
    ended = harness(composite(tmp_path, wanted, order), {}, "--json")
    assert ended.failed == failed
    assert ended.outcomes["streams.cursor"] == "passed"


def test_each_part_is_in_order_by_itself(tmp_path):
    ended = harness(source(tmp_path, {"a": [1, 2, 2, 9], "b": [3, 4]}), {}, "--json")
    assert (ended.exit_code, ended.failed) == (0, set())
    assert ended.outcomes["streams.order"] == "passed"


def test_rows_out_of_order_are_named(tmp_path):
    ended = harness(source(tmp_path, {"a": [1, 2], "b": [3, 5, 4]}), {}, "--json")
    assert (ended.exit_code, ended.failed) == (1, {"streams.order"})
    (found,) = (check for check in ended.report["checks"] if check["outcome"] == "failed")
    assert found["message"] == "stream 'events', partition 'b': 'at' goes down from 5 to 4 in row 3"
