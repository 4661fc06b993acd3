"""Runs the harness on every case that was collected, several at a time, with one seed or more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from acme.sdk.testing import Job, Outcome, Refused, Result, run
from tests.mutants.gallery import Case, correct, mutants
from tests.mutants.server import KEY, serving

#: Seconds after which a check of a mutant counts as hanging; no honest one takes that long here.
TIMEOUT_S = 10.0
#: How many runs go on at a time: most of each is waiting for a time-out.
SIDE_BY_SIDE = 6

Run = tuple[Case, int]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=1, help="with how many seeds each mutant is tested")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    seeds = range(1, metafunc.config.getoption("seeds", 1) + 1)
    for name, cases in (("mutant", mutants), ("sound", correct)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, cases(), ids=str)
            metafunc.parametrize("seed", seeds, ids="seed{}".format)


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Iterator[Callable[[Case, int], list[Result]]]:
    """What the harness found out, by case and seed; all start at once, and each test waits for its own."""
    # That no other check fails is seen with several seeds: it takes ten times as long.
    everything = request.config.getoption("seeds", 1) > 1
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        runs: dict[Run, Future[list[Result]]] = {}
        for item in request.session.items:
            params = item.callspec.params if hasattr(item, "callspec") else {}
            if "seed" in params and "results" in item.fixturenames:
                case = params.get("mutant") or params["sound"]
                runs[case, params["seed"]] = pool.submit(_test, case, params["seed"], everything)
        yield lambda case, seed: runs[case, seed].result()
        pool.shutdown(cancel_futures=True)


def _test(case: Case, seed: int, everything: bool) -> list[Result]:
    """Run the checks on one case, against an API of its own: everything, or what is to find the mistake."""
    with serving() as api:
        source, destination = {"api_url": api.url, "api_key": KEY}, {"endpoint": f"{api.url}/load"}
        job = Job(
            case.file,
            source if case.role == "source" else destination,
            only=() if everything else tuple(sorted(case.caught_by)),
            timeout=TIMEOUT_S if case.caught_by else Job.timeout,
            seed=seed,
        )
        events = list(run(job))
    if refused := [event for event in events if isinstance(event, Refused)]:
        raise AssertionError(refused[0].message)
    return [event for event in events if isinstance(event, Result)]


def failed(results: list[Result]) -> dict[str, str]:
    """Return what failed, by the check's id, with what it says."""
    return {result.id: result.message for result in results if result.outcome is Outcome.FAILED}
