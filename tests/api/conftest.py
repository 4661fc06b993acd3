"""A running API over a real Dagster instance, and a Postgres with TLS."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Api, running_api
from tests.tls_postgres import Authority, TlsPostgres, programs


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[Callable[..., Api]]:
    """Start servers; takes the arguments of `running_api` without its folder."""
    with ExitStack() as stack:

        def start(workspace: str = "connectors: {}\n", **options: Any) -> Api:
            return stack.enter_context(running_api(tmp_path / uuid.uuid4().hex, workspace, **options))

        yield start


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority that signed the TLS server's certificate."""
    return Authority("The right one")


@pytest.fixture(scope="session")
def tls_postgres(authority: Authority) -> Iterator[TlsPostgres]:
    """A Postgres that speaks TLS, with a certificate for ``localhost``."""
    folder = programs()
    if folder is None:
        pytest.skip("needs a Postgres server with OpenSSL: install Debian's package `postgresql`")
    server = TlsPostgres(folder, authority, password=f"pw-{uuid.uuid4().hex}")
    server.start()
    yield server
    server.stop()
