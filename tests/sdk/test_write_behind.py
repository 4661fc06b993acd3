"""Writing in a thread of its own."""

from __future__ import annotations

from threading import Event, current_thread, main_thread
from threading import enumerate as all_threads

import pytest

from acme_sdk.write_behind import WriteBehind


def test_items_are_written_in_order_by_another_thread() -> None:
    written: list[int] = []
    threads = set()

    def write(item: int) -> None:
        threads.add(current_thread())
        written.append(item)

    writer = WriteBehind(write)
    for item in range(100):
        writer.put(item)
    writer.wait()
    writer.close()
    assert written == list(range(100))
    assert len(threads) == 1
    assert main_thread() not in threads
    assert not threads & set(all_threads())


def test_one_item_is_under_way_while_the_caller_goes_on() -> None:
    release, begun = Event(), Event()

    def write(item: str) -> None:
        begun.set()
        assert release.wait(10)

    writer = WriteBehind(write)
    writer.put("first")  # returns although nothing was written yet
    assert begun.wait(10)
    release.set()
    writer.put("second")
    writer.close()


def test_an_error_is_raised_by_the_next_call_and_nothing_more_is_written() -> None:
    written: list[int] = []

    def write(item: int) -> None:
        if item == 2:
            raise ValueError("two")
        written.append(item)

    writer = WriteBehind(write)
    writer.put(1)
    writer.put(2)
    with pytest.raises(ValueError, match="two"):
        writer.put(3)
    writer.wait()
    writer.close()
    writer.close()
    assert written == [1]
