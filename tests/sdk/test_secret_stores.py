"""Secrets from stores: references, resolution, and what is said when it fails."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from acme_sdk.config import ConnectorConfig, validate_config
from acme_sdk.errors import SecretError
from acme_sdk.secrets import MASK, is_reference
from acme_sdk.secrets.fields import literal_secrets, reference_problems
from tests.sdk.http_server import Answer, serving

SCHEMA: dict[str, dict[str, Any]] = {
    "user": {"type": "string"},
    "password": {"type": "string", "secret": True},
    "port": {"type": "integer"},
    "options": {"type": "object"},
    "tls": {"type": "object", "properties": {"key": {"type": "string", "secret": True}}},
}
CANARY = "hunter2-canary"

# What docs/secrets.md shows, with a file in place of a server.
VAULT = """
import json
import os
from pathlib import Path

from acme.sdk import SecretError, SecretStore


class VaultStore(SecretStore):
    def __init__(self):
        self.asked = Path(os.environ["VAULT_FILE"] + ".asked")

    def get(self, name):
        with self.asked.open("a") as file:
            file.write(name + "\\n")
        secrets = json.loads(Path(os.environ["VAULT_FILE"]).read_text())
        if name == "slow":
            raise TimeoutError
        if name == "broken":
            raise RuntimeError(f"cannot parse {secrets['prod']}")
        if name not in secrets:
            raise SecretError(f"the vault has no {name}", code="secret.missing", hint="ask its keeper")
        return secrets[name]

    def close(self):
        with self.asked.open("a") as file:
            file.write("closed\\n")
"""


def error_of(password: Any, schema: dict[str, dict[str, Any]] | None = None) -> SecretError:
    with pytest.raises(SecretError) as caught:
        validate_config(SCHEMA if schema is None else schema, {"password": password}, connector="users_db")
    shown = f"{caught.value!r} {caught.value.hint} {caught.value.__cause__}"
    assert CANARY not in shown
    assert caught.value.__suppress_context__
    return caught.value


def test_one_value_of_a_secret_that_is_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = {"username": "app", "password": CANARY, "port": 5432, "tls": {"key": "x"}, "none": None}
    monkeypatch.setenv("USERS_DB", json.dumps(whole))
    (tmp_path / "users_db.json").write_text(json.dumps(whole) + "\n")
    for store, name in (("env", "USERS_DB"), ("file", str(tmp_path / "users_db.json"))):
        config = validate_config(
            SCHEMA,
            {
                "user": {store: {"name": name, "key": "username"}},
                "password": {store: {"name": name, "key": "password"}},
                "port": {store: {"name": name, "key": "port"}},
            },
        )
        assert (config["user"], config["password"], config["port"]) == ("app", CANARY, 5432)
        assert config.redact(f"no luck with {CANARY} for app") == f"no luck with {MASK} for app"
        for key in ("tls", "none", "nothing"):
            error = error_of({store: {"name": name, "key": key}})
            assert (error.code, f"{key!r}" in error.message) == ("secret.key", True)
    monkeypatch.setenv("USERS_DB", CANARY)
    assert error_of({"env": {"name": "USERS_DB", "key": "password"}}).code == "secret.key"


@pytest.mark.parametrize(
    ("written", "code", "says"),
    [
        ({"envv": "X"}, "secret.store_unknown", "there is no secret store 'envv'"),
        ({"nonesuch": {"name": "x"}}, "secret.store_unknown", "there is no secret store 'nonesuch'"),
        ({"env": {"nam": "X"}}, "secret.reference", "'nam' is no part of a reference"),
        ({"env": {"key": "x"}}, "secret.reference", "name is missing"),
        ({"env": ""}, "secret.reference", "must be text and not empty"),
        ({"env": {"name": 3}}, "secret.reference", "must be text"),
        ({"env": 3}, "secret.reference", "must be text"),
        ({"env": "ACME_NOT_SET"}, "secret.missing", "ACME_NOT_SET is not set"),
        ({"file": "/nonesuch/x"}, "secret.missing", "No such file"),
        ({"file": "a\0b"}, "secret.missing", "cannot be read"),
    ],
)
def test_a_reference_that_leads_nowhere_names_the_field(written: Any, code: str, says: str) -> None:
    error = error_of(written)
    assert error.code == code
    assert error.message.startswith("password: ")
    assert says in error.message
    assert error.hint
    problems = reference_problems(SCHEMA, {"tls": {"key": written}})
    known_when_read = code in ("secret.store_unknown", "secret.reference")
    assert [problem.field for problem in problems] == (["tls.key"] if known_when_read else [])
    # What is meant as a reference is not reported as a secret in the clear.
    assert literal_secrets(SCHEMA, {"password": written}) == []


def test_a_typo_in_the_stores_name_is_answered_with_the_nearest() -> None:
    assert "did you mean 'env'? " in (error_of({"envv": "X"}).hint or "")
    assert "aws, env, file" in (error_of({"nonesuch": "X"}).hint or "")


def test_what_stands_where_an_object_may_stand_is_no_reference_by_accident() -> None:
    raw: dict[str, Any] = {"options": {"env": "X"}}
    assert validate_config(SCHEMA, raw)["options"] == {"env": "X"}
    assert validate_config({}, {"mode": {"fast": "x"}})["mode"] == {"fast": "x"}
    assert validate_config(None, {"mode": {"aws": {"region": "x"}}})["mode"] == {"aws": {"region": "x"}}
    assert is_reference({"aws": {"name": "x", "key": "y"}})


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=5), st.integers()), max_size=3))
def test_anything_else_is_refused_without_an_exception_of_pythons_own(place: dict[str, Any]) -> None:
    is_reference({"env": place})
    for problem in reference_problems(SCHEMA, {"password": {"env": place}}):
        assert problem.field == "password"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Secrets Manager on loopback, and its client; the environment leads there."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    # It imports what it needs for an answer when it is asked.
    monkeypatch.setattr("acme_sdk.secrets.aws._CONFIG.read_timeout", 120)
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=120).raise_for_status()
    try:
        yield boto3.client("secretsmanager")
    finally:
        server.stop()


def test_aws_secrets_manager(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"username": "app", "password": CANARY, "port": 6543}
    arn = aws.create_secret(Name="prod/users_db", SecretString=json.dumps(document))["ARN"]
    aws.create_secret(Name="prod/token", SecretString=CANARY)
    aws.create_secret(Name="prod/binary", SecretBinary=CANARY.encode())
    aws.create_secret(Name="prod/bytes", SecretBinary=b"\xff")
    aws.create_secret(Name="prod/gone", SecretString="x")
    aws.delete_secret(SecretId="prod/gone")

    def place(key: str) -> dict[str, Any]:
        return {"aws": {"name": "prod/users_db", "key": key}}

    def resolved(raw: dict[str, Any]) -> ConnectorConfig:
        return validate_config(SCHEMA, raw)

    config = resolved({"user": place("username"), "password": place("password"), "port": place("port")})
    assert (config["user"], config["password"], config["port"]) == ("app", CANARY, 6543)
    assert CANARY not in repr(config) + config.redact(f"no luck with {CANARY}")
    for written in ("prod/token", "prod/binary", {"name": "prod/token"}):
        assert resolved({"password": {"aws": written}})["password"] == CANARY
    # An ARN says the region, whatever the environment says.
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert resolved({"password": {"aws": {"name": arn, "key": "password"}}})["password"] == CANARY
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    # The next set-up has the new value.
    aws.put_secret_value(SecretId="prod/token", SecretString="rotated")
    assert resolved({"password": {"aws": "prod/token"}})["password"] == "rotated"

    assert error_of({"aws": "prod/none"}).code == "secret.missing"
    assert error_of({"aws": "prod/gone"}).code == "secret.missing"
    assert error_of({"aws": "prod/bytes"}).code == "secret.failed"
    assert error_of({"aws": {"name": "prod/users_db", "key": "none"}}).code == "secret.key"

    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "AWS_DEFAULT_REGION" in (error_of({"aws": "prod/token"}).hint or "")


def test_aws_refuses(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.create_secret(Name="prod/token", SecretString=CANARY)
    # From the next request on, moto asks whether the caller may do it; this one has no policy.
    url = f"{aws.meta.endpoint_url}/moto-api/reset-auth"
    requests.post(url, data="0", timeout=120).raise_for_status()
    try:
        error = error_of({"aws": "prod/token"})
    finally:
        requests.post(url, data="inf", timeout=120).raise_for_status()
    assert error.code == "secret.denied", error.message
    assert "secretsmanager:GetSecretValue" in (error.hint or "")
    refusal = {"__type": "AccessDeniedException", "Message": f"no {CANARY} for you"}
    with serving(lambda _: Answer(refusal, 400)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.url)
        assert error_of({"aws": "prod/token"}).code == "secret.denied"
    with serving(lambda _: Answer({"__type": "InternalServiceError", "Message": CANARY}, 500)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.url)
        assert "InternalServiceError" in error_of({"aws": "prod/token"}).message
        assert len(server.asked) == 2


def test_aws_without_credentials_or_an_answer(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonesuch")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonesuch")
    assert error_of({"aws": "prod/token"}).code == "secret.denied"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setattr("acme_sdk.secrets.aws._CONFIG.read_timeout", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", address)
        assert error_of({"aws": "prod/token"}).code == "secret.timeout"
    assert error_of({"aws": "prod/token"}).code == "secret.timeout"  # nobody listens


def test_a_store_of_somebody_else(tmp_path: Path) -> None:
    """An installed package with a store, used by a process of its own."""
    packages, vault = tmp_path / "packages", tmp_path / "vault.json"
    metadata = packages / "acme_vault-1.0.dist-info"
    metadata.mkdir(parents=True)
    (packages / "acme_vault.py").write_text(VAULT)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-vault\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[acme.secrets]\nvault = acme_vault:VaultStore\nenv = acme_vault:VaultStore\n"
        "odd = acme_vault:json\nlost = nothing_of_that_name:X\n"
    )
    vault.write_text(json.dumps({"prod": json.dumps({"user": "app", "password": CANARY})}))
    program = """if True:
        import json, sys
        from acme_sdk.config import validate_config
        from acme_sdk.errors import SecretError
        schema = {name: {"type": "string", "secret": True} for name in ("a", "b", "c")}
        for raw in json.loads(sys.argv[1]):
            try:
                config = validate_config(schema, raw)
                print(sorted(config["a"]), config, len(config.redact(config["a"])))
            except SecretError as error:
                print(error.code, error.message, error.hint)
        print("boto3" in sys.modules)
    """
    prod = {key: {"vault": {"name": "prod", "key": name}} for key, name in (("a", "password"), ("b", "user"))}
    asked: list[Any] = [
        prod | {"c": {"vault": "prod"}},
        {"a": {"vault": "none"}},
        {"a": {"vault": "slow"}},
        {"a": {"vault": "broken"}},
        {"a": {"odd": "x"}},
        {"a": {"lost": "x"}},
        {"a": {"env": "VAULT_FILE"}},
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(asked)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{packages}:{Path.cwd()}", "VAULT_FILE": str(vault)},
    )
    assert CANARY not in done.stdout + done.stderr
    found, missing, slow, broken, odd, lost, env, has_boto3 = done.stdout.splitlines()
    assert found.startswith(str(sorted(CANARY)))
    assert missing == "secret.missing a: the vault has no none ask its keeper"
    assert slow.startswith("secret.timeout a: ")
    assert broken.startswith("secret.failed a: the secret store failed with RuntimeError")
    assert odd.startswith("secret.store_not_installed a: ")
    assert lost.startswith("secret.store_not_installed a: the secret store 'lost' cannot be imported")
    assert "nothing_of_that_name" in lost
    assert env.startswith(str(sorted(str(vault))))  # nobody can take the place of env
    assert has_boto3 == "False"
    # Three references to one secret are one question, and each set-up lets go of its store.
    questions = vault.with_name("vault.json.asked").read_text().split()
    assert questions == ["prod", "closed", "none", "closed", "slow", "closed", "broken", "closed"]


def test_without_boto3_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['boto3'] = None\n"
        "from acme_sdk.config import validate_config\n"
        "try: validate_config({'a': {'type': 'string'}}, {'a': {'aws': 'x'}})\n"
        "except Exception as error: print(error.code, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "secret.store_not_installed pip install 'acme-connectors[aws]'"
