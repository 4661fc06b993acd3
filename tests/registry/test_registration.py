"""Registering connectors and pipelines: what is stored, what is refused and why, who was faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from acme_orchestration.registration import Registrar
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.errors import ConflictError, EntryUnknownError
from acme_orchestration.registry.following import CurrentWorkspace
from acme_orchestration.registry.records import Kind
from acme_orchestration.registry.registered import Registry
from acme_orchestration.registry.verification import verify
from acme_sdk.errors import AcmeError

HELP_DESK: dict[str, Any] = {
    "type": "tickets",
    "role": "source",
    "config": {"url": "up", "token": {"env": "HELP_DESK_TOKEN"}},
}
PIPELINE = {"source": "help_desk", "destination": "warehouse", "schedule": "0 * * * *"}


OTHER = {"type": "duckdb", "role": "destination", "config": {"path": "other.duckdb"}}


def refusal(registrar: Registrar, kind: Kind, name: str, body: dict[str, Any]) -> AcmeError:
    with pytest.raises(AcmeError) as caught:
        registrar.register(kind, name, body, actor="ann")
    return caught.value


def test_from_registration_to_deletion_with_its_trail(
    registrar: Registrar, registry: Registry, path: Path
) -> None:
    assert registry.revision() == 0
    first = registrar.register("connector", "help_desk", HELP_DESK | {"disabled": False}, actor="ann")
    assert (first.body, registry.get("connector", "help_desk")) == (HELP_DESK, first)
    pipeline = registrar.register(
        "pipeline", "ticket-flow", PIPELINE | {"streams": [{"stream": "t", "overlap": "PT1H"}]}, actor="ann"
    )
    workspace = verify(read_workspace(path, registry))
    assert list(workspace.connectors) == ["warehouse", "help_desk"]
    assert workspace.pipelines["ticket-flow"] == pipeline.entry
    assert {entry.fault for entry in (*workspace.connectors.values(), pipeline.entry)} == {None}

    # The same once more is no change; neither is a change to what is there.
    assert registrar.register("connector", "help_desk", HELP_DESK, actor="bob") == first
    assert registrar.change("connector", "help_desk", HELP_DESK, version=first.version, actor="bob") == first
    slower = HELP_DESK | {"check_interval_s": 300}
    second = registrar.change("connector", "help_desk", slower, version=first.version, actor="bob")
    assert second.version > first.version
    assert (second.registered_at, second.body) == (first.registered_at, slower)

    with pytest.raises(ConflictError, match="is used by ticket-flow") as caught:
        registrar.delete("connector", "help_desk", version=second.version, actor="ann")
    assert caught.value.code == "connector.in_use"
    registrar.delete("pipeline", "ticket-flow", version=pipeline.version, actor="ann")
    registrar.delete("connector", "help_desk", version=second.version, actor="ann")
    assert list(read_workspace(path, registry).connectors) == ["warehouse"]

    trail = registry.history("connector", "help_desk")
    assert [(one.action, one.actor, one.before, one.after) for one in trail] == [
        ("delete", "ann", slower, None),
        ("change", "bob", HELP_DESK, slower),
        ("register", "ann", None, HELP_DESK),
    ]
    assert [one.id for one in registry.history(limit=2)] == [registry.revision(), registry.revision() - 1]
    assert all(one.at.tzinfo is not None for one in trail)
    # A version never comes back, not even with the name.
    assert registrar.register("connector", "help_desk", HELP_DESK, actor="ann").version > second.version


def test_who_saw_an_older_version_changes_nothing(registrar: Registrar, registry: Registry) -> None:
    seen = registrar.register("connector", "help_desk", HELP_DESK, actor="ann")
    now = registrar.change(
        "connector", "help_desk", HELP_DESK | {"disabled": True}, version=seen.version, actor="ann"
    )
    with pytest.raises(ConflictError) as caught:
        registrar.change("connector", "help_desk", HELP_DESK, version=seen.version, actor="bob")
    assert caught.value.code == "registry.conflict"
    with pytest.raises(ConflictError):
        registrar.delete("connector", "help_desk", version=seen.version, actor="bob")
    assert registry.get("connector", "help_desk") == now
    with pytest.raises(EntryUnknownError) as unknown:
        registrar.delete("connector", "nobody", version=1, actor="bob")
    assert unknown.value.code == "connector.unknown"


@pytest.mark.parametrize(
    ("name", "body", "code", "says"),
    [
        ("no good", HELP_DESK, "name.invalid", "'no good' is not allowed"),
        ("a", HELP_DESK | {"type": "tickts"}, "type.unknown", "there is no connector type 'tickts'"),
        ("a", HELP_DESK | {"role": "destination"}, "type.no_role", "is no destination"),
        ("a", HELP_DESK | {"owner": "me"}, "connector.invalid", "connectors.a.owner: must be an e-mail"),
        ("a", HELP_DESK | {"config": {"url": "up"}}, "config.invalid", "config.token: is required"),
        (
            "a",
            HELP_DESK | {"config": {"url": "up", "token": "hunter2"}},
            "secret.literal",
            "connectors.a.config.token: a secret stands here in the clear",
        ),
        (
            "a",
            HELP_DESK | {"config": HELP_DESK["config"] | {"page_size": "x", "ssl": {"kee": 1}}},
            "config.invalid",
            "config.page_size: must be an integer; connectors.a.config.ssl.kee: is not a field",
        ),
        ("warehouse", HELP_DESK, "connector.declared", "is declared in"),
        ("help-desk", HELP_DESK, "name.taken", "the same as 'help_desk'"),
        ("help_desk", HELP_DESK | {"owner": "team:b"}, "connector.exists", "which is another one"),
    ],
)
def test_a_connector_that_cannot_load_is_refused(
    registrar: Registrar, registry: Registry, name: str, body: dict[str, Any], code: str, says: str
) -> None:
    registrar.register("connector", "help_desk", HELP_DESK, actor="ann")
    error = refusal(registrar, "connector", name, body)
    assert registry.revision() == 1
    assert (error.code, says in error.message) == (code, True), error.message
    assert "hunter2" not in f"{error.message} {error.hint}"


@pytest.mark.parametrize(
    ("name", "body", "code", "says"),
    [
        ("p", {"source": "nobody"}, "pipeline.invalid", "there is no connector 'nobody'"),
        ("p", {"source": "warehouse"}, "pipeline.invalid", "'warehouse' is a destination"),
        ("p", {"destination": "help_desk"}, "pipeline.invalid", "'help_desk' is a source"),
        ("p", {"schedule": "every day"}, "pipeline.invalid", "every day"),
        ("p", {"streams": ["a.b", "a-b"]}, "pipeline.invalid", "two streams would be the asset"),
        ("p", {"streems": []}, "pipeline.invalid", "did you mean 'streams'?"),
        ("test_help_desk", {}, "pipeline.invalid", "a connector's asset or job has this name"),
    ],
)
def test_a_pipeline_that_cannot_load_is_refused(
    registrar: Registrar, registry: Registry, name: str, body: dict[str, Any], code: str, says: str
) -> None:
    registrar.register("connector", "help_desk", HELP_DESK, actor="ann")
    error = refusal(registrar, "pipeline", name, PIPELINE | body)
    assert registry.revision() == 1
    assert (error.code, says in error.message) == (code, True), error.message


def test_nothing_that_loads_is_kept_from_it(registrar: Registrar, path: Path) -> None:
    desk = registrar.register("connector", "help_desk", HELP_DESK, actor="ann")
    registrar.register("pipeline", "p", PIPELINE, actor="ann")
    registrar.register("pipeline", "test_x", PIPELINE, actor="ann")
    assert refusal(registrar, "connector", "x", HELP_DESK).code == "connector.breaks"
    (path.parent / "connectors" / "tickets.py").write_text(
        (path.parent / "connectors" / "tickets.py")
        .read_text()
        .replace("SourceConnector", "DestinationConnector")
        .replace("def extract(self, last_run=None)", "def load(self, rows, mode)")
    )
    other_way = HELP_DESK | {"role": "destination"}
    with pytest.raises(ConflictError, match="'help_desk' is a destination") as caught:
        registrar.change("connector", "help_desk", other_way, version=desk.version, actor="ann")
    assert caught.value.code == "connector.breaks"


def test_a_row_that_breaks_later_is_a_broken_connector_and_can_be_disabled(
    registrar: Registrar, registry: Registry, path: Path
) -> None:
    seen = registrar.register("connector", "help_desk", HELP_DESK, actor="ann")
    registrar.register("connector", "other", OTHER, actor="ann")
    module = path.parent / "connectors" / "tickets.py"
    source = module.read_text()

    module.write_text(source.replace('"url":', '"address":'))
    faults = {n: e.fault for n, e in verify(read_workspace(path, registry)).connectors.items()}
    assert faults.pop("help_desk") == (
        "connectors.help_desk.config.address: is required, but missing; connectors.help_desk.config.url: "
        "is not a field of this connector; it has address, token, page_size, ssl"
    )
    assert faults == {"warehouse": None, "other": None}

    module.unlink()
    faults = {n: e.fault or "" for n, e in verify(read_workspace(path, registry)).connectors.items()}
    assert "there is no connector type 'tickets'" in faults["help_desk"]
    off = registrar.change(
        "connector", "help_desk", HELP_DESK | {"disabled": True}, version=seen.version, actor="ann"
    )
    assert verify(read_workspace(path, registry)).connectors["help_desk"].disabled
    registrar.delete("connector", "help_desk", version=off.version, actor="ann")


def test_a_name_that_is_declared_later_is_the_declared_ones(
    registrar: Registrar, registry: Registry, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = registrar.register("connector", "help_desk", HELP_DESK, actor="ann")
    registrar.register("pipeline", "p", PIPELINE, actor="ann")
    path.write_text(path.read_text() + "  help_desk: {type: my_own, role: source}\n")
    workspace = read_workspace(path, registry)
    assert workspace.connectors["help_desk"].type == "my_own"
    assert f"this name stands in connectors.yaml line 4 and in the registry at {registry}" in caplog.text
    with pytest.raises(ConflictError) as caught:
        registrar.change("connector", "help_desk", HELP_DESK | {"owner": "team:a"}, version=seen.version,
                         actor="ann")  # fmt: skip
    assert caught.value.code == "connector.declared"
    registrar.delete("connector", "help_desk", version=seen.version, actor="ann")


def test_a_declared_pipeline_may_use_a_registered_connector(
    registrar: Registrar, registry: Registry, path: Path
) -> None:
    path.write_text(path.read_text() + "pipelines:\n  p: {source: help_desk, destination: warehouse}\n")
    assert "no connector 'help_desk'" in (read_workspace(path, registry).pipelines["p"].fault or "")
    seen = registrar.register("connector", "help_desk", HELP_DESK, actor="ann")
    assert read_workspace(path, registry).pipelines["p"].fault is None
    with pytest.raises(ConflictError, match="is used by p"):
        registrar.delete("connector", "help_desk", version=seen.version, actor="ann")


def test_of_many_writers_at_once_each_has_an_answer(url: str, path: Path) -> None:
    """Each with a registry of its own, the first of which makes the tables."""

    def write(number: int) -> list[str]:
        registrar = Registrar(path, Registry(RegistryDatabase(url)))
        told = []
        for name in ("shared", f"own_{number}"):
            try:
                registrar.register("connector", name, HELP_DESK | {"description": str(number)}, actor="ann")
                told.append("stored")
            except ConflictError as error:
                told.append(error.code)
        return told

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(write, range(6)))
    assert sorted(first for first, _ in answers) == ["connector.exists"] * 5 + ["stored"]
    assert {second for _, second in answers} == {"stored"}
    registry = Registry(RegistryDatabase(url))
    assert len(registry.contents().connectors) == registry.revision() == 7


def test_the_current_workspace_has_what_is_registered_meanwhile(
    registrar: Registrar, registry: Registry, path: Path
) -> None:
    current = CurrentWorkspace(verify(read_workspace(path, registry)))
    first = current.read()
    assert current.read() is first
    registrar.register("connector", "help_desk", HELP_DESK, actor="ann")
    assert list(current.read().connectors) == ["warehouse", "help_desk"]
    assert current.read() is current.read()

    # A file that is wrong for a while takes nothing away.
    good = path.read_text()
    registrar.register("connector", "other", OTHER, actor="ann")
    path.write_text("connectors: [")
    assert list(current.read().connectors) == ["warehouse", "help_desk"]
    path.write_text(good)
    assert list(current.read().connectors) == ["warehouse", "help_desk", "other"]

    # What is declared meanwhile is in it, too, and verified.
    path.write_text(good + "  lake: {type: parquet, role: destination}\n")
    assert list(current.read().connectors) == ["warehouse", "lake", "help_desk", "other"]
    assert "path" in (current.read().connectors["lake"].fault or "")
    assert current.read() is current.read()
