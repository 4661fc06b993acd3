"""The parts of `python -m benchmarks.health` that say what is measured, and whether a bar is kept."""

from __future__ import annotations

import socket
from collections import Counter
from pathlib import Path

from acme_sdk.probe import Probe, run_probes
from benchmarks.health.report import Figures, table
from benchmarks.health.server import Server
from benchmarks.health.workspace import MIXED, make_workspace


def test_the_mix_is_what_it_says_and_spread(tmp_path: Path) -> None:
    names = list(make_workspace(tmp_path / "made", 1, 1000, MIXED).connectors)
    assert Counter(name.partition("_")[0] for name in names) == {
        "ok": 890, "hang": 50, "fail": 50, "secretless": 10,
    }  # fmt: skip
    assert all(any(name.startswith("hang") for name in names[i : i + 100]) for i in range(0, 1000, 100))


def test_connectors_do_what_their_names_say(tmp_path: Path) -> None:
    with Server() as server:
        workspace = make_workspace(tmp_path / "made", server.port, 120, MIXED)
        some = {name.partition("_")[0]: entry for name, entry in workspace.connectors.items()}
        probes = [
            Probe(e.name, e.type, e.role, e.config, folder=str(workspace.folder), timeout=3.0)
            for e in some.values()
        ]
        codes = {result.name.partition("_")[0]: result.report.code for result in run_probes(probes)}
        assert codes == {
            "ok": None,
            "fail": "health.false",
            "hang": "timeout",
            "secretless": "secret.missing",
        }
        assert {name.partition("_")[0] for name in server.asked} == {"ok", "fail", "hang"}
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"ok again\n")
            assert connection.recv(3) == b"yes"


def test_a_bar_that_is_missed_is_marked() -> None:
    figures = Figures(1000, 4, 16.0, (5.0, 12.0), 21.0, 1000.0, 62.0, 1000, 0, 48.0, 6.0, 200.0, 300.0)
    text = table([figures.to_record()])
    assert "load in 16.0 s (bar 15 s): **missed**" in text
    assert "longest tick 21.0 s (bar 20 s): **missed**" in text
    assert "1,000 checks a minute (bar: each once): kept" in text
