"""A running API over a real Dagster instance, and a Postgres with TLS."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from werkzeug.serving import make_server

from acme_orchestration.instance import InstanceReader
from api.app import create_app
from tests.api.client import Api
from tests.api.tls_postgres import Authority, TlsPostgres, programs


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[Callable[..., Api]]:
    """Start servers: the text of a ``connectors.yaml`` and `create_app`'s arguments in, an `Api` out."""
    with ExitStack() as stack:

        def start(workspace: str = "connectors: {}\n", **options: Any) -> Api:
            folder = tmp_path / uuid.uuid4().hex
            home = folder / "dagster"
            home.mkdir(parents=True)
            file = folder / "connectors.yaml"
            file.write_text(workspace)
            instance = stack.enter_context(DagsterInstance.local_temp(str(home)))
            app = create_app(file, InstanceReader(instance), **options)
            server = make_server("127.0.0.1", 0, app, threaded=True)
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(server.shutdown)
            return Api(f"http://127.0.0.1:{server.port}", file, instance)

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
