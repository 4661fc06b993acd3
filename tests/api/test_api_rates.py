"""How often callers may ask: counts that several processes share, and what a server makes of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.errors import StorageError
from limits.storage import MemoryStorage

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.keys import KeyStore
from acme_sdk.errors import ConfigurationError
from api.access.keys import KeyRing
from api.messages.problems import ProblemError
from api.probing.egress import EgressPolicy
from api.quotas.limits import Limits, Places, PlacesTakenError
from api.quotas.rate_table import RateTable
from api.quotas.rates import Rates, parse_rates, rate_storage
from api.quotas.shared import SharedMemory
from tests.api.client import Api

FORK = multiprocessing.get_context("fork")


def in_process(target: Callable[[], None]) -> int:
    """Run a function in a process that is forked off, and return its exit code."""
    process = FORK.Process(target=target)
    process.start()
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=50))
def test_each_is_counted_by_itself(keys: list[str]) -> None:
    table = RateTable()

    numbers = [table.count(key, 3600)[0] for key in keys]

    assert numbers == [keys[: place + 1].count(key) for place, key in enumerate(keys)]


def test_a_window_begins_with_its_first_request() -> None:
    table = RateTable()
    assert table.count("ann", 1) == (1, pytest.approx(1))
    number, ends_in_s = table.count("ann", 1)
    assert (number, ends_in_s < 1) == (2, True)

    time.sleep(1)

    assert table.count("ann", 1)[0] == 1


def test_counts_are_exact_over_processes() -> None:
    table = RateTable()

    def count() -> None:
        for _ in range(2000):
            table.count("all", 3600)

    processes = [FORK.Process(target=count) for _ in range(4)]
    for process in processes:
        process.start()
    count()
    for process in processes:
        process.join(120)
    assert table.count("all", 3600)[0] == 5 * 2000 + 1


def test_who_asks_much_is_not_forgotten_for_those_who_ask_once() -> None:
    table = RateTable()
    table.count("much", 3600, amount=1000)
    for number in range(100_000):
        table.count(f"address {number}", 3600)

    assert table.count("much", 3600)[0] == 1001


def test_a_process_that_is_killed_leaves_no_lock_and_no_place_behind() -> None:
    memory, places = SharedMemory(16), Places(2)

    def killed_with_the_lock() -> None:
        with memory:
            os.kill(os.getpid(), signal.SIGKILL)

    def killed_with_a_place() -> None:
        with places.taken("ann"):
            os.kill(os.getpid(), signal.SIGKILL)

    def finds_none() -> None:
        with pytest.raises(PlacesTakenError), places.taken("ann"):
            pass
        with places.taken("bob"):
            pass

    assert in_process(killed_with_the_lock) == in_process(killed_with_a_place) == -signal.SIGKILL
    with memory, places.taken("ann"):
        assert in_process(finds_none) == 0
    with places.taken("bob"), places.taken("ann"):
        pass


def test_a_process_that_is_killed_while_it_counts_keeps_nobody_from_counting() -> None:
    table = RateTable()
    table.count("ann", 3600)

    def killed() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("api.quotas.rate_table._find", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            table.count("ann", 3600)

    def counts() -> None:
        assert [table.count("ann", 3600)[0] for _ in range(3)] == [2, 3, 4]

    assert in_process(killed) == -signal.SIGKILL
    assert in_process(counts) == 0
    assert table.count("ann", 3600)[0] == 5


def test_a_clock_that_is_moved_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = Rates(parse_rates("read=2/hour"))
    first = rates.count("read", "ann")
    real = time.time
    for hours in (48, -48):
        monkeypatch.setattr(time, "time", lambda hours=hours: real() + 3600 * hours)
        if hours > 0:
            assert abs(rates.count("read", "ann").reset_s - first.reset_s) < 600
        with pytest.raises(ProblemError) as caught:
            rates.count("read", "ann")
        assert 0 < int(caught.value.headers["Retry-After"]) <= 3600


@pytest.mark.parametrize(
    "text", ["test", "test=", "fly=1/minute", "test=0/minute", "test=5", "test=x/minute"]
)
def test_rates_that_are_none(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_rates(text)

    assert caught.value.code == "rates.invalid"


@pytest.mark.parametrize(
    "url", ["memory://", "nothing://u:canary-9@host", "redis://u:canary-9@host:6379", ""]
)
def test_stores_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rate_storage(url)

    assert caught.value.code == "rates.store"
    assert "canary" not in str(caught.value)


def test_while_the_store_is_away_this_machine_counts(caplog: pytest.LogCaptureFixture) -> None:
    class Away(MemoryStorage):
        """A store whose server is not there."""

        asked = 0

        def incr(self, key: str, expiry: int, amount: int = 1) -> int:
            Away.asked += 1
            raise StorageError(ConnectionError("canary-4"))

    rates = Rates(parse_rates("read=2/hour"), Away())
    assert [rates.count("read", "ann").remaining for _ in range(2)] == [1, 0]
    with pytest.raises(ProblemError):
        rates.count("read", "ann")
    assert Away.asked == 1  # it is left alone for some seconds
    assert "ConnectionError" in caplog.text
    assert "canary" not in caplog.text


def test_a_target_is_not_tested_without_end(make_api: Callable[..., Api]) -> None:
    """By whomever, and by whichever name."""
    limits = Limits(rates=Rates(parse_rates("target=1/hour")))
    api = make_api(limits=limits, egress=EgressPolicy.parse("127.0.0.0/8"))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        first, second = (
            api.test({"type": "postgres", "connection": f"postgresql://u:p@{host}:{port}/db"})
            for host in ("127.0.0.1", "2130706433")
        )
    assert first.json()["data"]["error"]["code"] == "connect.refused"
    assert (second.status_code, second.json()["code"]) == (429, "rate.exceeded")
    assert second.headers["RateLimit-Policy"] == '"target";q=1;w=3600'


def test_what_a_server_answers(make_api: Callable[..., Api], tmp_path: Path) -> None:
    store = KeyStore(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))
    keys = {
        name: {"Authorization": f"Bearer {store.create(name, ['read'], actor='x')}"}
        for name in ("ann", "bob")
    }
    limits = Limits(rates=Rates(parse_rates("read=5/hour, refused=3/minute")))
    api = make_api(keys=KeyRing(store), limits=limits)

    answers = [api.get("/api/v1/connectors", headers=keys["ann"]) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[1].headers["RateLimit-Policy"] == '"read";q=5;w=3600'
    assert answers[1].headers["RateLimit"].startswith('"read";r=3;t=')
    assert answers[6].json()["code"] == "rate.exceeded"
    assert 3000 < int(answers[6].headers["Retry-After"]) <= 3600
    assert answers[6].headers["RateLimit"].startswith('"read";r=0;t=')
    # Each rate, and each key, is for itself.
    assert api.get("/api/v1/connectors", headers=keys["bob"]).status_code == 200
    written = api.test({"type": "postgres"})
    assert written.status_code == 401

    guesses = [api.get("/nothing", headers={"Authorization": f"Bearer acme_{n}"}) for n in range(4)]
    assert Counter(guess.status_code for guess in guesses) == {401: 2, 429: 2}
    assert int(guesses[3].headers["Retry-After"]) <= 60
    assert api.get("/api/v1/connectors", headers=keys["bob"]).status_code == 200
