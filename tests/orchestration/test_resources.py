"""Connectors in definitions of one's own: live in the body, torn down after it, whatever happens."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from acme_orchestration.definitions import build_definitions
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.resources import (
    BigQueryResource,
    ConnectorResource,
    DuckDBResource,
    ParquetResource,
    PostgresResource,
)
from acme_orchestration.resources.binding import connector_resources
from acme_sdk.errors import AcmeError, ConfigurationError, FatalError
from acme_sdk.load import WriteMode
from acme_sdk.row import Row
from tests.orchestration.ledger import LedgerSource
from tests.servers import DatabaseServer

PASSWORD = "canary-51d7-swordfish"

Ledger = ConnectorResource[LedgerSource]


class Reports(dg.ConfigurableResource[Any]):
    crm: Ledger


class Books:
    """A workspace of ledgers and what is written in them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def resources(self, *names: str, config: str = "") -> dict[str, Any]:
        entry = "{type: ledger, role: source, config: {path: FOLDER/NAME, password: {env: PASSWORD} CONFIG}}"
        text = "connectors:\n" + "".join(f"  {name}: {entry.replace('NAME', name)}\n" for name in names)
        return self.declare(text.replace("CONFIG", config))

    def declare(self, text: str) -> dict[str, Any]:
        file = self.path / "connectors.yaml"
        file.write_text(textwrap.dedent(text).replace("FOLDER", str(self.path)))
        return connector_resources(read_workspace(file))

    def of(self, name: str) -> list[str]:
        file = self.path / name
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Books:
    monkeypatch.setenv("PASSWORD", PASSWORD)
    (tmp_path / "connectors").mkdir()
    shutil.copy(Path(__file__).with_name("ledger.py"), tmp_path / "connectors")
    return Books(tmp_path)


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The whole text of each failed step's event."""
    return {str(e.step_key): str(e.step_failure_data) for e in result.get_step_failure_events()}


def test_assets_and_ops_have_a_live_connector(books: Books) -> None:
    @dg.asset
    def first(crm: Ledger) -> None:
        crm.connector.write("first")
        assert isinstance(crm.connector, crm.connector.__class__)

    @dg.asset(deps=[first])
    def raises(crm: Ledger) -> None:
        crm.connector.write("raises")
        raise ZeroDivisionError

    @dg.op
    def step(crm: Ledger) -> None:
        with crm.connector.session() as state:
            assert state == "open"

    @dg.job
    def steps() -> None:
        step()

    resources = books.resources("crm", "other")

    assert not dg.materialize([first, raises], resources=resources, raise_on_error=False).success
    assert books.of("crm") == ["setup", "first", "raises", "teardown"]

    defs = dg.Definitions(jobs=[steps], resources=resources)
    assert defs.resolve_job_def("steps").execute_in_process().success
    assert books.of("crm")[4:] == ["setup", "session", "session ends", "teardown"]
    assert books.of("other") == []


@pytest.mark.parametrize("raising", [False, True])
def test_sensors_and_schedules_have_one_for_each_tick(books: Books, raising: bool) -> None:
    def tick(crm: Ledger) -> dg.SkipReason:
        crm.connector.write("tick")
        if raising:
            crm.connector.fail()
        return dg.SkipReason("nothing new")

    @dg.sensor(target="*")
    def watch(crm: Ledger) -> dg.SkipReason:
        return tick(crm)

    @dg.schedule(target="*", cron_schedule="* * * * *")
    def hourly(context: dg.ScheduleEvaluationContext, crm: Ledger) -> dg.SkipReason:
        return tick(crm)

    def evaluate(definition: Any, build_context: Callable[..., Any]) -> None:
        with build_context(resources={"crm": books.resources("crm", "other")["crm"]}) as context:
            assert definition.evaluate_tick(context).skip_message == "nothing new"

    for definition, build in ((watch, dg.build_sensor_context), (hourly, dg.build_schedule_context)):
        if raising:
            with pytest.raises((AcmeError, dg.DagsterError)) as caught:
                evaluate(definition, build)
            assert "******** is wrong" in _text(caught.value)
            assert PASSWORD not in _text(caught.value)
        else:
            evaluate(definition, build)
    assert books.of("crm") == ["setup", "tick", "teardown"] * 2


def test_a_missing_secret_fails_only_who_uses_it(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    resources = books.declare(
        """
        connectors:
          crm: {type: ledger, role: source, config: {path: FOLDER/crm, password: {env: PASSWORD}}}
          erp: {type: ledger, role: source, config: {path: FOLDER/erp, password: {env: NOT_SET_ANYWHERE}}}
        """
    )

    @dg.asset
    def good(crm: Ledger) -> None:
        crm.connector.write("good")

    @dg.asset
    def bad(erp: Ledger) -> None:
        erp.connector.write("bad")

    @dg.asset
    def idle(erp: Ledger) -> None: ...

    result = dg.materialize([good, bad, idle], resources=resources, raise_on_error=False)

    [(step, text)] = failures(result).items()
    assert step == "bad"
    assert "the environment variable NOT_SET_ANYWHERE is not set" in text
    assert "The connector erp cannot be set up. set NOT_SET_ANYWHERE" in text
    assert books.of("crm") == ["setup", "good", "teardown"]
    assert books.of("erp") == []


def test_no_secret_gets_into_the_event_log(books: Books) -> None:
    @dg.asset
    def method(crm: Ledger) -> None:
        crm.connector.fail()

    @dg.asset
    def generator(crm: Ledger) -> None:
        list(crm.connector.extract())

    @dg.asset
    def block(crm: Ledger) -> None:
        with crm.connector.session():
            raise KeyError(PASSWORD)

    @dg.asset
    def attribute(crm: Ledger) -> None:
        _ = crm.connector.account

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [method, generator, block, attribute],
            instance=instance,
            resources=books.resources("crm", config=", teardown_fails: true"),
            raise_on_error=False,
        )
        log = "".join(entry.to_json() for entry in instance.all_logs(result.run_id))

    assert failures(result).keys() == {"method", "generator", "block", "attribute"}
    assert "never answered" in log
    for what in ("is wrong", "was lost", "no account for"):
        assert what in log
    assert PASSWORD not in log
    assert books.of("crm").count("teardown") == 1


def test_a_teardown_that_fails_takes_no_other_with_it(books: Books) -> None:
    @dg.asset
    def both(crm: Ledger, erp: Ledger) -> None:
        crm.connector.write("used")
        erp.connector.write("used")

    dg.materialize(
        [both], resources=books.resources("crm", "erp", config=", teardown_fails: true"), raise_on_error=False
    )

    assert books.of("crm") == books.of("erp") == ["setup", "used", "teardown"]


def test_one_resource_in_another(books: Books) -> None:
    @dg.asset
    def report(reports: Reports) -> None:
        reports.crm.connector.write("report")

    resources = books.resources("crm")
    defs = dg.Definitions(assets=[report], resources=resources | {"reports": Reports(crm=resources["crm"])})

    assert defs.resolve_implicit_global_asset_job_def().execute_in_process().success
    assert books.of("crm") == ["setup", "report", "teardown"]


def test_outside_of_dagster(books: Books) -> None:
    crm: Ledger = books.resources("crm")["crm"]
    with pytest.raises(FatalError, match="crm") as caught:
        _ = crm.connector
    assert "connect()" in (caught.value.hint or "")
    with crm.connect() as connector:
        connector.write("used")
    assert books.of("crm") == ["setup", "used", "teardown"]

    with crm.process_config_and_initialize_cm() as live:
        live.connector.write("used")
    with pytest.raises(FatalError, match="torn down"):
        _ = live.connector
    assert books.of("crm")[3:] == ["setup", "used", "teardown"]


def test_the_built_in_types(books: Books, postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    database = postgres.create_database()
    postgres.execute(database, "CREATE TABLE users AS SELECT n AS id FROM generate_series(1, 5) n")
    monkeypatch.setenv("PASSWORD", postgres.password)
    server = f"host: 127.0.0.1, port: {postgres.port}, database: {database}, user: postgres"
    resources = books.declare(
        f"""
        connectors:
          users_db: {{type: postgres, role: source, config: {{{server}, password: {{env: PASSWORD}}}}}}
          exports: {{type: postgres, role: destination, config: {{{server}, password: {{env: PASSWORD}}}}}}
          warehouse: {{type: duckdb, role: destination, config: {{path: FOLDER/warehouse.duckdb}}}}
          lake: {{type: parquet, role: destination, config: {{path: FOLDER/lake, table: users}}}}
          cloud:
            {{type: bigquery, role: destination,
             config: {{project: p, dataset: d, api_endpoint: "http://127.0.0.1:9"}}}}
          broken: {{type: postgres, role: source, config: {{password: in-the-clear}}}}
        """
    )

    @dg.asset
    def copy(
        users_db: PostgresResource,
        exports: PostgresResource,
        warehouse: DuckDBResource,
        lake: ParquetResource,
        cloud: BigQueryResource,
    ) -> None:
        assert [stream.name for stream in users_db.source.streams()] == ["users"]
        with users_db.get_connection() as connection:
            ids = connection.execute("SELECT id FROM users ORDER BY id").fetchall()
        with exports.get_connection() as connection, connection.transaction():
            connection.execute("CREATE TABLE copied AS SELECT * FROM users")
        assert exports.destination.state("p", "users") is None
        with pytest.raises(ConfigurationError, match="exports is no source"):
            _ = exports.source
        with warehouse.get_connection() as database:
            database.execute("CREATE TABLE users (id int)")
            database.executemany("INSERT INTO users VALUES (?)", ids)
        with warehouse.get_connection() as database:
            assert database.execute("SELECT count(*) FROM users").fetchone() == (5,)
        assert cloud.get_client().project == "p"
        with pytest.raises(ConfigurationError, match="users"):
            lake.get_dataset("users")
        lake.connector.load([Row(id=id_) for (id_,) in ids], WriteMode.OVERWRITE)
        assert lake.get_dataset("users").count_rows() == 5

    result = dg.materialize([copy], resources=resources)
    assert result.success
    assert postgres.query(database, "SELECT count(*) FROM copied") == [(5,)]
    assert isinstance(resources["broken"], PostgresResource)


def test_type_checkers_see_the_connectors_class(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(
        textwrap.dedent(
            """
            import dagster as dg

            from acme.sdk import SourceConnector
            from acme_orchestration.resources import (
                BigQueryResource, ConnectorResource, DuckDBResource, ParquetResource, PostgresResource
            )


            class Crm(SourceConnector):
                def accounts(self) -> list[str]:
                    return []


            @dg.asset
            def mine(
                users_db: PostgresResource,
                warehouse: DuckDBResource,
                cloud: BigQueryResource,
                lake: ParquetResource,
                crm: ConnectorResource[Crm],
                some: ConnectorResource,
            ) -> None:
                reveal_type(users_db.source)
                reveal_type(users_db.destination)
                reveal_type(users_db.connector)
                reveal_type(warehouse.connector)
                reveal_type(cloud.connector)
                reveal_type(lake.connector)
                reveal_type(crm.connector.accounts())
                reveal_type(some.connector)
                with users_db.get_connection() as connection:
                    reveal_type(connection)
                with warehouse.get_connection() as database:
                    reveal_type(database)
                with crm.connect() as connector:
                    reveal_type(connector)
                users_db.source.no_such_method()
            """
        )
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", sample],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split(": ", 1)[1] for line in checked.stdout.splitlines()]
    shown = [re.sub(r"\w+\.", "", line.split('"')[1]) for line in lines if "Revealed type" in line]
    assert shown == [
        "PostgresSource", "PostgresDestination", "PostgresConnector",
        "DuckDBDestination", "BigQueryDestination", "ParquetDestination",
        "list[str]", "Connector", "Connection[tuple[Any, ...]]", "DuckDBPyConnection", "Crm",
    ]  # fmt: skip
    [error] = [line for line in lines if line.startswith("error")]
    assert 'no attribute "no_such_method"' in error


def _text(error: BaseException | None) -> str:
    """The error and all that led to it."""
    seen = []
    while error is not None:
        seen.append(repr(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return " ".join(seen)


def test_definitions_bind_the_same_resources(books: Books) -> None:
    books.resources("crm")
    built = build_definitions(read_workspace(books.path / "connectors.yaml")).resources or {}
    assert repr(built["crm"]) == repr(books.resources("crm")["crm"])
    with pytest.raises(AcmeError), built["crm"].connect() as connector:
        connector.fail()
