"""The face and the contract: one class identity, and the specification's five methods are enough."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

import acme.sdk
import acme_sdk
from acme.sdk import (
    DestinationConnector,
    HealthReport,
    HealthStatus,
    Row,
    SourceConnector,
    StreamState,
    WriteMode,
    open_connector,
)
from acme_sdk.health import check_health


def test_the_face_shows_the_same_classes():
    for name in acme_sdk.__all__:
        assert getattr(acme.sdk, name) is getattr(acme_sdk, name)


def test_the_sdk_imports_neither_dagster_nor_flask_nor_a_driver():
    code = (
        "import sys, acme.sdk\n"
        "heavy = {'dagster', 'flask', 'pyarrow', 'psycopg', 'duckdb', 'google'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_row_owns_its_data():
    record = {"id": 1}
    row = Row(record)
    record["id"] = 2
    assert row == {"id": 1}
    copied = row.to_dict()
    copied["id"] = 3
    assert row["id"] == 1
    assert type(copied) is dict
    assert repr(row) == "Row({'id': 1})"


def test_write_modes_are_spelled_as_specified():
    assert [mode.value for mode in WriteMode] == ["append", "overwrite", "upsert"]


def test_a_checkpoint_survives_json():
    checkpoint = StreamState("p", "s", datetime(2026, 2, 15, 10, 28, tzinfo=UTC), "id", "7", "run1")
    assert StreamState.from_json(checkpoint.to_json()) == checkpoint


class Recorder(SourceConnector):
    """Notes what happens to it."""

    def __init__(self):
        self.calls = []

    def setup(self, config):
        self.calls.append("setup")
        if config.get("fail") == "setup":
            raise ValueError("setup failed")

    def extract(self, last_run=None):
        yield Row(id=1)

    def teardown(self):
        self.calls.append("teardown")
        if self.calls.count("teardown") == 1:
            raise RuntimeError("teardown failed")


def opened(config, body):
    seen = []

    class Spy(Recorder):
        def __init__(self):
            super().__init__()
            seen.append(self)

    try:
        with open_connector(Spy, config) as connector:
            body(connector)
    except BaseException as error:  # noqa: BLE001 - what came out is what the test looks at
        return seen[0], error
    return seen[0], None


def raising(error):
    def body(_):
        raise error

    return body


@pytest.mark.parametrize("error", [ValueError("body failed"), KeyboardInterrupt(), GeneratorExit()])
def test_teardown_comes_once_after_any_end_and_does_not_hide_the_first_error(error):
    connector, raised = opened({}, raising(error))
    assert connector.calls == ["setup", "teardown"]
    assert raised is error


def test_teardown_comes_once_after_a_failed_setup():
    connector, raised = opened({"fail": "setup"}, lambda _: None)
    assert connector.calls == ["setup", "teardown"]
    assert str(raised) == "setup failed"


def test_an_error_in_teardown_alone_is_shown_and_the_session_still_closed():
    connector, raised = opened({}, lambda connector: connector.http)
    assert str(raised) == "teardown failed"
    assert connector.calls == ["setup", "teardown"]


class Health(SourceConnector):
    """Answers what it is given."""

    answer: object = True

    def extract(self, last_run=None):
        return iter(())

    def health_check(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (True, "healthy", None),
        (False, "unhealthy", "health.false"),
        (None, "unhealthy", "health.bad_answer"),
        (1, "unhealthy", "health.bad_answer"),
        (HealthReport(HealthStatus.DEGRADED, code="slow"), "degraded", "slow"),
        (ConnectionRefusedError("nobody there"), "unhealthy", "connect.refused"),
        (TimeoutError("late"), "unhealthy", "timeout"),
        (KeyError("x"), "unhealthy", "internal"),
    ],
)
def test_every_answer_to_a_health_check_becomes_a_report(answer, status, code):
    connector = Health()
    connector.answer = answer
    report = check_health(connector)
    assert (report.status, report.code) == (status, code)
    assert report.latency_ms is not None


def test_a_connector_that_cannot_tell_is_unknown():
    class Silent(DestinationConnector):
        def load(self, rows, write_mode):
            return len(rows)

    report = check_health(Silent())
    assert (report.status, report.code) == ("unknown", "health.not_implemented")
