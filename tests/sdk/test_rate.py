"""`self.http.limit` against real servers on loopback: what arrives, and when it was let go."""

from __future__ import annotations

import math
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from acme.sdk import RetriableError
from acme.sdk.http import HttpSession
from acme_sdk.http import budget
from acme_sdk.http import session as http
from tests.sdk.http_server import Answer, Asked, serving


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(http, "PAUSE_S", 0.001)
    with HttpSession() as session:
        yield session


@pytest.fixture
def sent(monkeypatch):
    """When each request was let go, in seconds: how long it travels then is up to the machine."""
    times = []
    spend = budget.Budget._spend

    def noted(self):
        spend(self)
        times.append(self._periods[0]._sent[-1])

    monkeypatch.setattr(budget.Budget, "_spend", noted)
    return times


def closest(times, requests):
    """The shortest time in which one more than so many requests were let go, in seconds."""
    return min(after - before for before, after in zip(times, times[requests:], strict=False))


@pytest.mark.parametrize("threads", [1, 8])
def test_no_more_are_sent_in_any_period_than_agreed(session, sent, threads):
    session.limit(requests=5, per=1.0)
    with serving(lambda asked: Answer()) as server, ThreadPoolExecutor(threads) as pool:
        started = time.monotonic()
        assert set(pool.map(lambda _: session.get(server.url).status_code, range(16))) == {200}
        assert len(server.asked) == len(sent) == 16
        assert closest(sent, 5) >= 1.0
        # Three periods are waited for, and not one for each request.
        assert 3 <= time.monotonic() - started < 12


def test_several_limits_hold_at_once(session, sent):
    session.limit(requests=2, per=0.5)
    session.limit(requests=4, per=2.0)
    with serving(lambda asked: Answer()) as server:
        for _ in range(6):
            session.get(server.url)
        assert closest(sent, 2) >= 0.5
        assert closest(sent, 4) >= 2.0


def test_a_budget_that_is_not_used_up_costs_no_time(session):
    session.limit(requests=100, per=60)
    with serving(lambda asked: Answer()) as server:
        started = time.monotonic()
        for _ in range(50):
            session.get(server.url)
        assert time.monotonic() - started < 30  # a pace of its own would be one every 0.6 s


def test_each_attempt_counts_once_as_the_server_counts(session, sent):
    session.limit(requests=3, per=1.0)
    with serving(lambda asked: Answer(status=500 if len(server.asked) % 2 else 200)) as server:
        for _ in range(4):
            assert session.get(server.url).status_code == 200
        assert len(server.asked) == len(sent) == 8
        assert closest(sent, 3) >= 1.0


def test_redirects_count(session, sent):
    session.limit(requests=2, per=1.0)
    with serving(
        lambda asked: Answer(status=302, headers={"Location": "/new"}) if asked.path == "/old" else Answer()
    ) as server:
        session.get(f"{server.url}/old")
        session.get(f"{server.url}/old")
        assert len(server.asked) == len(sent) == 4
        assert closest(sent, 2) >= 1.0


@pytest.mark.parametrize(("per", "is_back"), [(0.5, True), (3600, False)])
def test_a_time_out_counts_once_and_gives_its_place_back_in_time(session, sent, per, is_back):
    session.limit(requests=2, per=per, longest_wait=30)
    with serving(lambda asked: Answer(after=30 if asked.path == "/slow" else 0)) as server:
        with pytest.raises(RetriableError, match="no answer in time"):
            session.post(f"{server.url}/slow", timeout=0.1)
        session.get(server.url)
        if is_back:
            session.get(server.url)
            assert closest(sent, 2) >= per
        else:
            with pytest.raises(RetriableError, match="budget is used up"):
                session.get(server.url)


def test_what_cannot_be_sent_in_time_is_an_error_and_not_a_wait(session):
    session.limit(requests=1, per=3600, longest_wait=60)
    with serving(lambda asked: Answer()) as server:
        session.get(server.url)
        started = time.monotonic()
        for _ in range(3):
            with pytest.raises(RetriableError) as caught:
                session.get(server.url)
        assert time.monotonic() - started < 60
        assert (caught.value.code, len(server.asked)) == ("http.budget", 1)
        assert "3,600 s" in str(caught.value)


def test_no_thread_waits_for_ever_when_many_want_the_same_place(session):
    session.limit(requests=1, per=1.0, longest_wait=1.5)

    def ask(_):
        try:
            return session.get(server.url).status_code
        except RetriableError as error:
            return error.code

    with serving(lambda asked: Answer()) as server, ThreadPoolExecutor(10) as pool:
        started = time.monotonic()
        ended = list(pool.map(ask, range(10)))
        assert time.monotonic() - started < 9  # the last one's turn would come in the tenth period
    assert set(ended) == {200, "http.budget"}
    assert ended.count(200) == len(server.asked)


class Allowance:
    """A server that tells how many requests are left until its next period, and counts the rest."""

    def __init__(self, requests, per, prefix="X-RateLimit", reset=lambda wait: f"{wait:.3f}"):
        self.requests, self.per, self.prefix, self.reset = requests, per, prefix, reset
        self.began, self.left, self.refused = 0.0, 0, 0
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Answer:
        with self.lock:
            return self.count(asked)

    def count(self, asked: Asked) -> Answer:
        if asked.at - self.began >= self.per:
            self.began, self.left = asked.at, self.requests
        if self.left == 0:
            self.refused += 1
            return Answer(status=429)
        self.left -= 1
        wait = self.per - (asked.at - self.began)
        headers = {f"{self.prefix}-Remaining": str(self.left), f"{self.prefix}-Reset": self.reset(wait)}
        return Answer(headers=headers)


# Rounded up: at a time that was rounded down, the server would still refuse.
RESETS = {
    "seconds": lambda wait: f"{wait + 0.001:.3f}",
    "Unix time": lambda wait: f"{time.time() + wait + 0.001:.3f}",
    "Unix time in milliseconds": lambda wait: f"{math.ceil((time.time() + wait) * 1000)}",
}


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("prefix", ["X-RateLimit", "X-Rate-Limit", "RateLimit"])
def test_what_the_server_allows_is_heeded(session, prefix, reset):
    allowance = Allowance(3, 0.4, prefix, RESETS[reset])
    session.limit()
    with serving(allowance) as server:
        for _ in range(7):
            assert session.get(server.url).status_code == 200
        assert (allowance.refused, len(server.asked)) == (0, 7)


def test_threads_do_not_spend_what_the_server_allows_twice(session):
    allowance = Allowance(5, 0.5)
    session.limit()
    with serving(allowance) as server, ThreadPoolExecutor(4) as pool:
        session.get(server.url)
        assert set(pool.map(lambda _: session.get(server.url).status_code, range(12))) == {200}
        assert allowance.refused == 0


def test_an_hour_that_the_server_asks_for_is_not_slept_through(session):
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    session.limit(longest_wait=1)
    with serving(lambda asked: Answer(headers=headers)) as server:
        assert session.get(server.url).status_code == 200
        with pytest.raises(RetriableError) as caught:
            session.get(server.url)
        assert (caught.value.code, len(server.asked)) == ("http.budget", 1)


@pytest.mark.parametrize("left", ["0", "none", "nan", "-inf", "-1", ""])
@pytest.mark.parametrize("reset", ["", "soon", "-5", "0", "nan", "inf"])
def test_headers_that_make_no_sense_do_no_harm(session, left, reset):
    headers = {"X-RateLimit-Remaining": left, "X-RateLimit-Reset": reset}
    session.limit()
    with serving(lambda asked: Answer(headers=headers)) as server:
        started = time.monotonic()
        session.get(server.url)
        session.get(server.url)
        assert time.monotonic() - started < 30  # nobody waits as long as may be waited


def test_retry_after_holds_for_all_threads(session, monkeypatch):
    session.limit(requests=100, per=1)
    pausing = threading.Event()

    def sleep(seconds):
        pausing.set()
        time.sleep(seconds)

    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=sleep, time=time.time))

    def respond(asked: Asked) -> Answer:
        return Answer(status=429, headers={"Retry-After": "1"}) if len(server.asked) == 1 else Answer()

    with serving(respond) as server, ThreadPoolExecutor(4) as pool:
        first = pool.submit(session.get, server.url)
        assert pausing.wait(60)
        assert set(pool.map(lambda _: session.get(server.url).status_code, range(3))) == {200}
        assert first.result().status_code == 200
        refused, *others = [asked.at for asked in server.asked]
        assert min(others) - refused >= 1


def test_without_a_limit_nothing_is_waited_for(session):
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3600"}
    with serving(lambda asked: Answer(headers=headers)) as server:
        for _ in range(3):
            assert session.get(server.url).status_code == 200


@pytest.mark.parametrize(("requests", "per"), [(0, 1), (-1, 1), (1, 0), (None, -1)])
def test_a_budget_that_lets_nothing_through_is_refused(session, requests, per):
    with pytest.raises(ValueError, match="lets nothing through"):
        session.limit(requests=requests, per=per)


def test_connections_that_fail_do_not_use_up_places_for_ever(session):
    session.limit(requests=10, per=0.2)
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        for _ in range(3):
            with pytest.raises(RetriableError) as caught:
                session.get(f"http://127.0.0.1:{bound.getsockname()[1]}/")
            assert caught.value.code == "connect.refused"
