"""One run of a stream at a time: who comes second is refused, until the first has ended or died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import Any

import pytest

from acme.sdk import AcmeError, open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from tests.bigquery.conftest import Dataset

HOLD = """
import json, sys
from acme.sdk import open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination

with open_connector(BigQueryDestination, json.loads(sys.argv[1])) as destination:
    with destination.exclusive("shop", "orders", "killed"):
        print("held", flush=True)
        sys.stdin.read()
"""


def patiently(condition: Any) -> Any:
    """Wait until something is true, and return it."""
    give_up = time.monotonic() + 120
    while not (found := condition()):
        assert time.monotonic() < give_up
        time.sleep(0.2)
    return found


def refusal(destination: BigQueryDestination) -> AcmeError | None:
    """Try to take the stream for a moment."""
    try:
        with destination.exclusive("shop", "orders", "second"):
            return None
    except AcmeError as error:
        return error


def test_a_second_run_is_refused_until_the_first_has_ended(
    dataset: Dataset, destination: BigQueryDestination
) -> None:
    with open_connector(BigQueryDestination, dataset.config) as other, ExitStack() as held:
        with destination.exclusive("shop", "orders", "first"):
            for others in (other, destination):
                error = refusal(others)
                assert error is not None
                assert error.code == "pipeline.busy"
                assert "stream 'orders' of pipeline 'shop' is in use by run first since 20" in error.message
                assert f"process {os.getpid()} on " in error.message
                assert "; its lease ends at 20" in error.message
            held.enter_context(other.exclusive("shop", "lines", "2"))
            held.enter_context(other.exclusive("shop2", "orders", "3"))
        assert refusal(other) is None
        with pytest.raises(ZeroDivisionError), destination.exclusive("shop", "orders", "fails"):
            _ = 1 / 0
        assert refusal(other) is None
    assert not dataset.locks()


def test_the_lease_is_renewed_and_ends_for_a_run_that_was_killed(dataset: Dataset) -> None:
    config = dataset.config | {"lock_lease_s": 10}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, json.dumps(config)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        [lock] = dataset.locks()

        def renewed() -> bool:
            said = dataset.client.get_table(f"{dataset.name}.{lock}").description
            return float(json.loads(said)["seconds"]) > 12

        patiently(renewed)
        with open_connector(BigQueryDestination, dataset.config) as destination:
            error = refusal(destination)
            assert error is not None
            assert "run killed since 20" in error.message
            holder.kill()
            holder.wait()
            # By now its lease has some seconds left.
            patiently(lambda: refusal(destination) is None)
    finally:
        holder.kill()
        holder.communicate()
    assert not dataset.locks()


def test_who_lost_the_lease_leaves_it_to_whom_has_it(
    dataset: Dataset, destination: BigQueryDestination
) -> None:
    with open_connector(BigQueryDestination, dataset.config) as other, ExitStack() as held:
        with destination.exclusive("shop", "orders", "first"):
            [lock] = dataset.locks()
            dataset.client.delete_table(f"{dataset.name}.{lock}")
            held.enter_context(other.exclusive("shop", "orders", "second"))
        error = refusal(destination)
        assert error is not None
        assert "run second since 20" in error.message
