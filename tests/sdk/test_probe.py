"""Probes of connectors that misbehave in every way, in real worker processes."""

import os
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from acme_sdk.probe import Probe, run_probes, takes_worker_down

# No other process of the machine sleeps for as long; far longer than any test may take.
SLEEP_S = f"4000.{os.getpid()}"
CONNECTORS = {
    "good": "return True",
    "wrong": "return False",
    "raising": "raise ValueError(f'no luck with {self.config[\"key\"]}')",
    "hanging": f"time.sleep({SLEEP_S})",
    "spinning": "\n        while True: pass",
    "stuck": "\n        import ctypes; ctypes.PyDLL(None).sleep(4000)",  # holds the interpreter's lock
    "exiting": "sys.exit(3)",
    "dying": "os._exit(7)",
    "closing": "os.closerange(3, 100); time.sleep(2); os._exit(7)",  # slow to end, as on a busy machine
    "killed": "os.kill(os.getpid(), 9)",
    "chatty": "print('{\"event\": \"answer\"}', flush=True); os.write(1, b'noise'); return True",
    "flaky": "\n        return counted(self.config['key'])",
    "forking": f"subprocess.Popen(['sleep', '{SLEEP_S}']); time.sleep({SLEEP_S})",
}
TEMPLATE = """
import os, subprocess, sys, time
from acme.sdk import Row, SourceConnector

def counted(path):
    # Counts in a file how often it was asked; true from the second time on.
    with open(path, "a+") as file:
        file.write("x")
        return file.tell() > 1

class Probed(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {{"key": {{"type": "string", "secret": True, "default": "x"}}}}

    def setup(self, config):
        self.config = config

    def extract(self, last_run=None):
        yield Row(id=1)

    def health_check(self):
        {body}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("connectors")
    for name, body in CONNECTORS.items():
        (path / f"{name}.py").write_text(TEMPLATE.format(body=body))
    return path


def asked(folder, *types, timeout=3.0, attempts=1, concurrency=32, config=None):
    probes = [
        Probe(
            f"{kind}_{i}",
            kind,
            "source",
            config or {},
            folder=str(folder),
            timeout=timeout,
            attempts=attempts,
        )
        for i, kind in enumerate(types)
    ]
    results = list(run_probes(probes, concurrency=concurrency))
    assert sorted(result.name for result in results) == sorted(probe.name for probe in probes)
    return {result.name.rpartition("_")[0]: result.report for result in results}


def test_nothing_to_ask_asks_nothing():
    assert list(run_probes([])) == []


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("good", "healthy", None),
        ("wrong", "unhealthy", "health.false"),
        ("raising", "unhealthy", "internal"),
        ("exiting", "unhealthy", "internal"),
        ("dying", "unhealthy", "crashed"),
        ("closing", "unhealthy", "crashed"),
        ("killed", "unhealthy", "crashed"),
        ("chatty", "healthy", None),
        ("missing", "unhealthy", "type.unknown"),
    ],
)
def test_one_connector(folder, kind, status, code):
    report = asked(folder, kind)[kind]
    assert (report.status, report.code) == (status, code)


def test_how_long_an_import_takes_says_nothing_about_the_connector(tmp_path):
    slow = "import time; time.sleep(2)\n" + TEMPLATE.format(body="return True")
    (tmp_path / "slow.py").write_text(slow)
    assert asked(tmp_path, "slow", timeout=1.5)["slow"].status == "healthy"


def test_a_secret_in_an_exception_does_not_come_back(folder):
    report = asked(folder, "raising", config={"key": "canary-9431"})["raising"]
    assert report.message == "ValueError: no luck with ********"


def test_hanging_and_crashing_connectors_harm_no_other_one_and_leave_no_process(folder):
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    reports = asked(folder, "hanging", "spinning", "forking", "good", "wrong", "killed", "chatty")
    assert {kind: report.code for kind, report in reports.items()} == {
        "hanging": "timeout",
        "spinning": "timeout",
        "forking": "timeout",
        "good": None,
        "wrong": "health.false",
        "killed": "crashed",
        "chatty": None,
    }
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", SLEEP_S]]


def test_more_hanging_ones_than_places_still_leave_the_others_their_turn(folder):
    reports = asked(folder, "hanging", "hanging", "hanging", "good", concurrency=2, timeout=2.0)
    assert reports["good"].status == "healthy"
    assert reports["hanging"].code == "timeout"


def test_those_that_hang_give_their_places_to_others(folder):
    """Their deadline lies beyond the time that this test may take."""
    kinds = ["hanging"] * 4 + ["good", "wrong"]
    probes = [
        Probe(f"{kind}_{i}", kind, "source", {}, folder=str(folder), timeout=900)
        for i, kind in enumerate(kinds)
    ]
    with closing(run_probes(probes, concurrency=2)) as results:
        assert {next(results).name, next(results).name} == {"good_4", "wrong_5"}


def test_each_probe_has_a_deadline_of_its_own(folder):
    probes = [
        Probe(f"after_{timeout}", "hanging", "source", {}, folder=str(folder), timeout=timeout)
        for timeout in (900, 1)
    ]
    with closing(run_probes(probes)) as results:
        result = next(results)
    assert (result.name, result.report.code) == ("after_1", "timeout")
    assert result.report.message == "no answer in 1 s"


def test_one_that_fails_is_asked_as_often_as_it_may(folder, tmp_path):
    def flaky(attempts):
        file = tmp_path / f"asked_{attempts}"
        report = asked(folder, "flaky", attempts=attempts, config={"key": str(file)})["flaky"]
        return report.status, file.stat().st_size

    assert flaky(1) == ("unhealthy", 1)
    assert flaky(3) == ("healthy", 2)
    assert asked(folder, "wrong", "hanging", timeout=1.0, attempts=2)["hanging"].code == "timeout"


def test_none_begins_when_the_time_is_over(folder):
    probes = [Probe(kind, kind, "source", {}, folder=str(folder)) for kind in ("good", "dying")]
    assert list(run_probes(probes, begin_within=0)) == []


def test_one_that_crashes_is_found_among_many_that_hang(folder):
    kinds = ["hanging"] * 20 + ["dying", "good"]
    probes = [
        Probe(f"{kind}_{i}", kind, "source", {}, folder=str(folder), timeout=900)
        for i, kind in enumerate(kinds)
    ]
    with closing(run_probes(probes, concurrency=10)) as results:
        found = {result.name: result.report for result in (next(results), next(results))}
    assert {name: report.code for name, report in found.items()} == {"dying_20": "crashed", "good_21": None}
    assert takes_worker_down(found["dying_20"])


def test_one_that_holds_up_its_whole_process_is_found_out(folder):
    reports = asked(folder, "stuck", "good", timeout=2.0)
    assert reports["stuck"].code == "timeout"
    assert takes_worker_down(reports["stuck"])
    assert reports["good"].status == "healthy"


def test_an_abandoned_call_ends_its_worker(folder):
    before = {process.pid for process in psutil.Process().children()}
    results = run_probes(
        [Probe(k, k, "source", {}, folder=str(folder), timeout=30) for k in ("good", "hanging")]
    )
    assert next(results).name == "good"
    results.close()
    assert {process.pid for process in psutil.Process().children()} == before
