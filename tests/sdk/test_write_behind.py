"""Writing in a thread of its own."""

from __future__ import annotations

from threading import Event, Thread, current_thread, main_thread
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


def test_two_items_are_under_way_while_the_caller_goes_on() -> None:
    release, third = Event(), Event()
    written: list[int] = []

    def write(item: int) -> None:
        assert release.wait(60)
        written.append(item)

    def put_three() -> None:
        for item in range(3):
            writer.put(item)
        third.set()

    writer = WriteBehind(write)
    caller = Thread(target=put_three)
    caller.start()
    assert not third.wait(0.2)  # there is no room for a third one
    release.set()
    assert third.wait(60)
    caller.join()
    writer.wait()
    writer.close()
    assert written == [0, 1, 2]


def test_an_error_is_raised_by_a_later_call_and_nothing_more_is_written() -> None:
    written: list[int] = []

    def write(item: int) -> None:
        if item == 2:
            raise ValueError("two")
        written.append(item)

    writer = WriteBehind(write)
    writer.put(1)
    writer.put(2)
    writer.put(3)
    with pytest.raises(ValueError, match="two"):
        writer.wait()
    writer.close()
    writer.close()
    assert written == [1]


def test_a_full_writer_raises_what_went_wrong_in_put() -> None:
    def write(item: int) -> None:
        raise ValueError("bad")

    writer = WriteBehind(write)
    writer.put(1)
    writer.put(2)
    with pytest.raises(ValueError, match="bad"):
        writer.put(3)
    writer.close()
