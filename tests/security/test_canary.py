"""A secret shows nowhere: whatever Dagster, the API and the commands store, serve and print.

Each way a secret can come in has a canary of its own, so that one that is found says which way it went.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil
import pytest
import requests
import yaml
from moto.server import ThreadedMotoServer

from acme_orchestration.dev.ports import free_port
from acme_orchestration.dev.processes import ChildProcess
from acme_orchestration.graphql import ask
from acme_orchestration.registration import Registrar
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.place import find_registry
from acme_orchestration.registry.verification import verify
from acme_orchestration.resources.binding import connector_resource
from acme_orchestration.webserver import Webserver
from acme_sdk.errors import ConfigurationError
from tests.dagster_home import opened_instance
from tests.running_dev import ACME
from tests.servers import DatabaseServer
from tests.stored import everything_in

T = TypeVar("T")

DAGSTER = ACME.with_name("dagster")
WAYS = ("env", "file", "aws", "literal", "refused", "inline", "registered")
#: The marks that are looked for; around them is what URLs, JSON and Python write in other ways.
MARKS = {way: f"cnry{way}{uuid.uuid4().hex}" for way in WAYS}
CANARIES = {way: f'p@s "{mark}" /%\\\'' for way, mark in MARKS.items()}

# What the web UI shows of runs, connectors and sensors.
RUNS = """
query Runs {
  runsOrError { ... on Runs { results {
    runId jobName status runConfigYaml runConfig tags { key value }
    eventConnection(limit: 1000) { events {
      __typename
      ... on MessageEvent { message level stepKey }
      ... on ErrorEvent { error { message className stack errorChain { error { message stack } } } }
      ... on DisplayableEvent { label description metadataEntries { ...Entry } }
    } }
  } } }
}
"""
DEFINITIONS = """
query Definitions {
  repositoriesOrError { ... on RepositoryConnection { nodes {
    displayMetadata { key value }
    allTopLevelResourceDetails {
      name description resourceType
      configFields { name description defaultValueAsJson }
      configuredValues { key value type }
    }
    jobs { name description tags { key value } metadataEntries { ...Entry } }
    sensors {
      name description
      sensorState {
        typeSpecificData { ... on SensorData { lastCursor lastRunKey } }
        ticks { status cursor skipReason error { message stack } }
      }
    }
    assetNodes {
      assetKey { path } description metadataEntries { ...Entry }
      assetChecksOrError { ... on AssetChecks { checks {
        name description
        executionForLatestMaterialization {
          status evaluation { description metadataEntries { ...Entry } }
        }
      } } }
    }
  } } }
}
"""
ENTRY = """
fragment Entry on MetadataEntry {
  label description
  ... on TextMetadataEntry { text }
  ... on JsonMetadataEntry { jsonString }
  ... on PathMetadataEntry { path }
}
"""

# Pipeline → how its run ends.
PIPELINES = {
    "works": "SUCCESS",
    "fails_in_setup": "FAILURE",
    "fails_in_extract": "FAILURE",
    "fails_in_load": "FAILURE",
    "refused": "FAILURE",
}
HEALTH = {
    "env_source": "healthy",
    "file_source": "healthy",
    "aws_source": "unhealthy",
    "asks_source": "unhealthy",
    "literal_source": "unhealthy",
    "refused_source": "unhealthy",
    "registered_source": "unhealthy",
    "env_destination": "healthy",
    "store": "healthy",
}


def declared(folder: Path, postgres: DatabaseServer) -> dict[str, Any]:
    def leaky(role: str, password: Any, fails_in: str = "nothing") -> dict[str, Any]:
        config = {"password": password, "fails_in": fails_in}
        return {"type": "leaky", "role": role, "check_interval_s": 5, "config": config}

    env: dict[str, Any] = {"env": "CANARY_ENV"}
    aws = {"aws": {"name": "prod/app", "key": "password"}}
    return {
        "connectors": {
            "env_source": leaky("source", env),
            "file_source": leaky("source", {"file": str(folder / "secret")}, "extract"),
            "aws_source": leaky("source", aws, "setup"),
            "asks_source": leaky("source", aws, "health_check"),
            "literal_source": leaky("source", CANARIES["literal"]),
            "refused_source": {
                "type": "postgres",
                "role": "source",
                "check_interval_s": 5,
                "config": {
                    "host": "127.0.0.1",
                    "port": postgres.port,
                    "database": "postgres",
                    "user": "postgres",
                    "password": {"env": "CANARY_REFUSED"},
                },
            },
            "env_destination": leaky("destination", env, "load"),
            "store": {"type": "duckdb", "role": "destination", "config": {"path": "store.duckdb"}},
        },
        "pipelines": {
            "works": {"source": "env_source", "destination": "store", "max_rejected": None},
            "fails_in_setup": {"source": "aws_source", "destination": "store"},
            "fails_in_extract": {"source": "file_source", "destination": "store", "max_rejected": None},
            "fails_in_load": {
                "source": "env_source",
                "destination": "env_destination",
                "max_rejected": None,
            },
            "refused": {
                "source": "refused_source",
                "destination": "store",
                "streams": [{"stream": "pg_catalog.pg_am"}],
            },
        },
    }


@contextmanager
def secrets_manager() -> Iterator[dict[str, str]]:
    """A Secrets Manager with the canary; yields the environment that leads there."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    env = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://{host}:{port}",
    }
    try:
        requests.post(f"http://{host}:{port}/moto-api/reset", timeout=30).raise_for_status()
        session = boto3.Session("test", "test", region_name="eu-west-1")
        client = session.client("secretsmanager", endpoint_url=f"http://{host}:{port}")
        client.create_secret(Name="prod/app", SecretString=json.dumps({"password": CANARIES["aws"]}))
        yield env
    finally:
        server.stop()


@dataclass
class Watch:
    """Notes the command lines of all processes that come from this one."""

    seen: set[str] = field(default_factory=set)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.2):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    self.seen.add(" ".join(process.cmdline()))


def wait_for(look: Callable[[], T | None], children: list[ChildProcess], seconds: float = 240) -> T:
    until = time.monotonic() + seconds
    while (found := look()) is None:
        for child in children:
            child.check()
        assert time.monotonic() < until, [child.failure("is silent").message for child in children]
        time.sleep(0.5)
    return found


def show(command: list[str | Path], folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=280)
    return f"{done.stdout}{done.stderr}"


def register(file: Path) -> str:
    """Register a connector, try another one with its secret in the clear, and return what is said then."""
    registry = find_registry()
    assert registry is not None
    registrar = Registrar(file, registry)
    body: dict[str, Any] = {"type": "leaky", "role": "source", "config": {"fails_in": "health_check"}}
    body["config"]["password"] = {"file": str(file.with_name("secret"))}
    record = registrar.register("connector", "registered_source", body, actor="test")
    body["config"]["password"] = CANARIES["registered"]
    said = [repr(record), repr(registrar)]
    for refused in (
        lambda: registrar.register("connector", "literal_too", body, actor="test"),
        lambda: registrar.change(
            "connector", "registered_source", body, version=record.version, actor="test"
        ),
    ):
        with pytest.raises(ConfigurationError) as caught:
            refused()
        said += [*traceback.format_exception(caught.value), str(caught.value.hint)]
    return "".join(said)


def in_process(folder: Path) -> str:
    """What Python shows of connectors, and of the errors that leave them."""
    workspace = verify(read_workspace(folder / "connectors.yaml", find_registry()))
    parts = [repr(workspace)]
    for entry in workspace.connectors.values():
        resource = connector_resource(entry, workspace.folder)
        parts += [repr(entry), repr(resource), str(resource)]
        try:
            with resource.connect() as connector:
                parts += [repr(connector), repr(getattr(connector, "config", None))]
                connector.health_check()
        except Exception:  # noqa: BLE001 - what is raised is what is looked at
            parts.append(traceback.format_exc())
    return "\n".join(parts)


def found_in(surfaces: dict[str, str | bytes]) -> dict[str, list[str]]:
    """Return in which surfaces a canary shows, in the clear or in Base64 at any offset."""
    found: dict[str, list[str]] = {}
    for name, shown in surfaces.items():
        text = shown if isinstance(shown, bytes) else shown.encode()
        for way, mark in MARKS.items():
            encoded = [base64.b64encode(b"x" * shift + mark.encode())[4:-4] for shift in range(3)]
            if any(spelling in text for spelling in (mark.encode(), *encoded)):
                found.setdefault(name, []).append(way)
    return found


def test_a_canary_in_every_spelling_is_found() -> None:
    for way, canary in CANARIES.items():
        texts = [
            canary,
            json.dumps(canary),
            *(base64.b64encode(b"u" * n + canary.encode()) for n in range(3)),
        ]
        assert found_in({str(number): text for number, text in enumerate(texts)}) == {
            str(number): [way] for number in range(len(texts))
        }


@pytest.mark.timeout(900)
def test_no_secret_shows_anywhere(
    tmp_path: Path, postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, logs = tmp_path / "workspace", tmp_path / "logs"
    (folder / "connectors").mkdir(parents=True)
    logs.mkdir()
    shutil.copy(Path(__file__).with_name("leaky.py"), folder / "connectors" / "leaky.py")
    (folder / "secret").write_text(CANARIES["file"])
    (folder / "connectors.yaml").write_text(yaml.safe_dump(declared(folder, postgres), sort_keys=False))
    (folder / "workspace.yaml").write_text(
        "load_from:\n  - python_module: {module_name: acme_orchestration.definitions, attribute: defs}\n"
    )
    home = tmp_path / "dagster"
    with opened_instance(home):
        pass
    surfaces: dict[str, str | bytes] = {}
    with ExitStack() as stack:
        variables = stack.enter_context(secrets_manager()) | {
            "CANARY_ENV": CANARIES["env"],
            "CANARY_REFUSED": CANARIES["refused"],
            "DAGSTER_HOME": str(home),
            "ACME_EGRESS_ALLOW": "127.0.0.0/8",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        env = dict(os.environ)
        surfaces["registration"] = register(folder / "connectors.yaml")
        ui, api = (f"http://127.0.0.1:{port}" for port in (free_port(), free_port()))
        watch = stack.enter_context(Watch())
        commands: dict[str, list[str]] = {
            "dagster": [str(DAGSTER), "dev", "-w", "workspace.yaml", "-p", ui.rpartition(":")[2]],
            "api": [str(ACME), "api", "--port", api.rpartition(":")[2]],
        }
        children = []
        for name, command in commands.items():
            child = ChildProcess(name, command, env, folder, logs / f"{name}.log")
            stack.callback(child.stop)
            children.append(child)
        webserver = Webserver(ui)
        wait_for(lambda: webserver.is_ready() or None, children)

        runs = {
            webserver.launch(job): job
            for job in (*PIPELINES, "test_aws_source", "test_refused_source", "test_registered_source")
        }
        for run_id, job in runs.items():
            ended = wait_for(
                lambda run_id=run_id: state if (state := webserver.run(run_id)).is_finished else None,
                children,
            )
            assert ended.status == PIPELINES.get(job, "FAILURE"), job

        def statuses() -> dict[str, str] | None:
            with suppress(requests.ConnectionError):
                listed = requests.get(f"{api}/api/v1/connectors", timeout=60).json()["data"]
                found = {item["name"]: item["status"] for item in listed}
                return found if "unknown" not in found.values() else None
            return None

        assert wait_for(statuses, children) == HEALTH
        for name in HEALTH:
            surfaces[f"API health of {name}"] = requests.get(
                f"{api}/api/v1/connectors/{name}/health", timeout=60
            ).text
        surfaces["API list"] = requests.get(f"{api}/api/v1/connectors", timeout=60).text
        tested = {"host": "127.0.0.1", "port": postgres.port, "database": "postgres", "user": "postgres"}
        for name, body in {
            "refused": {"type": "postgres", "config": tested | {"password": CANARIES["inline"]}},
            "invalid": {"type": "postgres", "config": {"pasword": CANARIES["inline"]}},
            "a reference": {"type": "postgres", "config": tested | {"password": {"env": "CANARY_ENV"}}},
        }.items():
            answer = requests.post(f"{api}/api/v1/connectors/test", json=body, timeout=120)
            surfaces[f"API test, {name}"] = f"{answer.headers}{answer.text}"
        for name, query in {"runs": RUNS, "definitions": DEFINITIONS}.items():
            surfaces[f"GraphQL {name}"] = json.dumps(
                ask(ui, query + ENTRY, timeout_s=120), ensure_ascii=False
            )

        for pipeline in ("fails_in_setup", "fails_in_extract", "fails_in_load", "refused"):
            surfaces[f"acme sync {pipeline}"] = show([ACME, "sync", pipeline], folder, env)
        for listing in (("list", "--json"), ("show", "registered_source"), ("show", "literal_source")):
            surfaces[f"acme connectors {listing}"] = show([ACME, "connectors", *listing], folder, env)
        config = json.dumps({"password": {"env": "CANARY_ENV"}, "fails_in": "extract"})
        harness: list[str | Path] = [ACME, "test-connector", "connectors/leaky.py", "--role", "source"]
        harness += [
            "--config",
            config,
            "--only",
            "secrets",
            "--only",
            "health",
            "--junit",
            logs / "junit.xml",
        ]
        surfaces["harness"] = show(harness, folder, env)
        surfaces["Python"] = in_process(folder)
    surfaces["process lists"] = "\n".join(watch.seen)
    # The event log, snapshots, run configuration, ticks and their cursors, compute logs, and the registry.
    surfaces["Dagster's home"] = everything_in(home)
    surfaces["logs and reports"] = everything_in(logs)
    surfaces["put-aside records"] = everything_in(folder / ".acme")

    assert found_in(surfaces) == {}
    # It was looked in the right places: the errors are there, without the secrets.
    assert "no luck at leaky://app:********@db/app" in surfaces["GraphQL runs"]
    assert "no luck at leaky://app:********@db/app" in surfaces["API health of asks_source"]
    assert "stands here in the clear" in surfaces["API health of literal_source"]
    for name in ("acme sync fails_in_extract", "acme sync fails_in_load", "Python"):
        assert "no luck at" in surfaces[name], surfaces[name]
    assert "registered_source" in surfaces["acme connectors ('list', '--json')"]
    assert "in the clear" in surfaces["registration"]
    assert "auth.failed" in surfaces["API test, refused"]
    assert b"CANARY_ENV" in surfaces["Dagster's home"]
    assert b"is no number" in surfaces["put-aside records"]
    assert "secrets.error" in surfaces["harness"], surfaces["harness"]
    assert any("acme_sdk" in command for command in watch.seen)
