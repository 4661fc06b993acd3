"""Probes of connectors that misbehave in every way, in real worker processes."""

import os
from pathlib import Path

import psutil
import pytest

from acme_sdk.probe import Probe, run_probes

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
    "forking": f"subprocess.Popen(['sleep', '{SLEEP_S}']); time.sleep({SLEEP_S})",
}
TEMPLATE = """
import os, subprocess, sys, time
from acme.sdk import Row, SourceConnector

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


def asked(folder, *types, timeout=3.0, concurrency=32, config=None):
    probes = [
        Probe(f"{kind}_{i}", kind, "source", config or {}, folder=str(folder)) for i, kind in enumerate(types)
    ]
    results = list(run_probes(probes, timeout=timeout, concurrency=concurrency))
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


def test_one_that_holds_up_its_whole_process_is_found_out(folder):
    reports = asked(folder, "stuck", "good", timeout=2.0)
    assert reports["stuck"].code == "timeout"
    assert reports["good"].status == "healthy"


def test_an_abandoned_call_ends_its_worker(folder):
    before = {process.pid for process in psutil.Process().children()}
    results = run_probes(
        [Probe(k, k, "source", {}, folder=str(folder)) for k in ("good", "hanging")], timeout=30
    )
    assert next(results).name == "good"
    results.close()
    assert {process.pid for process in psutil.Process().children()} == before
