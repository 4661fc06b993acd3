"""Which addresses are taken, and which are refused and how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from acme_sdk.config import validate_config
from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.connectors.postgres.settings import PostgresSettings
from acme_sdk.errors import ConfigurationError

PASSWORD = "s3cret-canary"


def settings_of(**config: Any) -> PostgresSettings:
    return PostgresSettings.from_config(validate_config(PostgresSource.config_schema(), config))


def test_a_url_says_everything() -> None:
    found = settings_of(
        connection="postgresql://ada:p%40ss@db.example.com:6432/shop?sslmode=require&connect_timeout=5"
    )
    assert (found.host, found.port, found.database, found.user, found.password) == (
        "db.example.com",
        6432,
        "shop",
        "ada",
        "p@ss",
    )
    assert (found.ssl_mode, found.connect_timeout_s) == ("require", 5)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_each_scheme_of_psycopg_is_taken(scheme: str) -> None:
    assert settings_of(connection=f"{scheme}://ada@[::1]/shop").host == "::1"


def test_fields_say_everything_with_defaults() -> None:
    found = settings_of(host="db", database="shop", user="ada", password="pw")
    assert (found.port, found.ssl_mode, found.connect_timeout_s) == (5432, "prefer", 10)


def test_the_password_may_come_beside_the_url() -> None:
    assert settings_of(connection="postgresql://ada@db/shop", password="pw").password == "pw"


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1),
)
def test_any_user_and_password_survive_the_url(user: str, password: str) -> None:
    url = URL.create("postgresql", user, password, "db", 5432, "shop").render_as_string(hide_password=False)
    found = settings_of(connection=url)
    assert (found.user, found.password) == (user, password)


ATTACKS = {
    "unix socket in the host": f"postgresql://u:{PASSWORD}@%2Fvar%2Frun/db",
    "unix socket in a parameter": f"postgresql://u:{PASSWORD}@h/db?host=/var/run/postgresql",
    "no host, so libpq's default socket": f"postgresql://u:{PASSWORD}@/db",
    "abstract socket": f"postgresql://u:{PASSWORD}@%40socket/db",
    "several hosts": f"postgresql://u:{PASSWORD}@h1,h2/db",
    "several hosts with ports": f"postgresql://u:{PASSWORD}@h1:1,h2:2/db",
    "hostaddr": f"postgresql://u:{PASSWORD}@h/db?hostaddr=169.254.169.254",
    "port as a parameter": f"postgresql://u:{PASSWORD}@h/db?port=1",
    "service": f"postgresql://u:{PASSWORD}@h/db?service=other",
    "servicefile": f"postgresql://u:{PASSWORD}@h/db?servicefile=/etc/passwd",
    "passfile": f"postgresql://u:{PASSWORD}@h/db?passfile=/etc/passwd",
    "sslkey": f"postgresql://u:{PASSWORD}@h/db?sslkey=/etc/passwd",
    "sslcert": f"postgresql://u:{PASSWORD}@h/db?sslcert=/etc/passwd",
    "sslrootcert": f"postgresql://u:{PASSWORD}@h/db?sslrootcert=/etc/passwd",
    "sslkeylogfile": f"postgresql://u:{PASSWORD}@h/db?sslkeylogfile=/tmp/keys",
    "options": f"postgresql://u:{PASSWORD}@h/db?options=-csearch_path%3Devil",
    "upper case": f"postgresql://u:{PASSWORD}@h/db?SSLKEY=/etc/passwd",
    "a parameter twice": f"postgresql://u:{PASSWORD}@h/db?sslmode=require&sslmode=disable",
    "an unknown ssl mode": f"postgresql://u:{PASSWORD}@h/db?sslmode=none",
    "an endless time-out": f"postgresql://u:{PASSWORD}@h/db?connect_timeout=0",
    "another driver": f"postgresql+psycopg2://u:{PASSWORD}@h/db",
    "another database": f"sqlite:///{PASSWORD}",
    "another scheme in capitals": f"POSTGRESQL+ASYNCPG://u:{PASSWORD}@h/db",
    "a conninfo string": f"host=h password={PASSWORD}",
    "a port that is none": f"postgresql://u:{PASSWORD}@h:{PASSWORD}/db",
    "a port out of range": f"postgresql://u:{PASSWORD}@h:99999/db",
    "a host with a space": f"postgresql://u:{PASSWORD}@h%20hostaddr%3D127.0.0.1/db",
    "a host with a zone": f"postgresql://u:{PASSWORD}@[fe80::1%25eth0]/db",
    "NUL in the password": f"postgresql://u:{PASSWORD}%00@h/db",
    "a line break in the database": f"postgresql://u:{PASSWORD}@h/db%0Ahost=evil",
    "a line break as it is": f"postgresql://u:{PASSWORD}@h/db\nhost=evil",
    "a slash and an @ in the password": f"postgresql://u:{PASSWORD}@1:2/x@h/db",
    "a hash in the password": f"postgresql://u:{PASSWORD}#@h/db",
    "no user": "postgresql://h/db",
    "no database": f"postgresql://u:{PASSWORD}@h",
}


@pytest.mark.parametrize("url", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_dangerous_or_incomplete_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(connection=url)
    assert caught.value.problems
    assert PASSWORD not in f"{caught.value}{caught.value.hint}{caught.value.problems}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_refused_parameter_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'passfile'"):
        settings_of(connection=ATTACKS["passfile"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "/var/run/postgresql"),
        ("host", "a,b"),
        ("host", "@abstract"),
        ("host", "h\0evil"),
        ("host", "a..b"),
        ("host", "x" * 300),
        ("hostaddr", "localhost"),
        ("hostaddr", "127.0.0.1,10.0.0.1"),
        ("database", "db\nhost=evil"),
        ("user", "u\0"),
        ("password", "p\0"),
        ("port", 0),
        ("connect_timeout_s", 0),
    ],
)
def test_a_dangerous_field_is_refused_by_name(field: str, value: Any) -> None:
    config = {"host": "h", "database": "d", "user": "u", "password": "p"} | {field: value}
    with pytest.raises(ConfigurationError) as caught:
        settings_of(**config)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="host: is given twice"):
        settings_of(connection="postgresql://u:p@h/d", host="other")
    with pytest.raises(ConfigurationError, match=r"ssl\.mode: is given twice"):
        settings_of(connection="postgresql://u:p@h/d?sslmode=disable", ssl={"mode": "verify-full"})


def test_a_ca_that_would_not_be_used_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"ssl\.ca: has no effect"):
        settings_of(connection="postgresql://u:p@h/d", ssl={"ca": "-----BEGIN CERTIFICATE-----"})


def test_a_ca_that_is_no_certificate_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"ssl\.ca: holds no certificate"):
        settings_of(connection="postgresql://u:p@h/d", ssl={"mode": "verify-full", "ca": "/etc/passwd"})


def test_the_password_is_in_no_representation() -> None:
    assert PASSWORD not in repr(settings_of(connection=f"postgresql://u:{PASSWORD}@h/d"))


def test_the_secret_fields_are_marked() -> None:
    for kind in (PostgresSource, PostgresDestination):
        secret = {name for name, spec in kind.config_schema().items() if spec.get("secret")}
        assert secret == {"connection", "password"}
