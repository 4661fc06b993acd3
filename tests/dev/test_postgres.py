"""The embedded Postgres, by a relative path as people write one."""

from __future__ import annotations

from pathlib import Path

import pytest

from acme_orchestration.dev.postgres import PostgresServer
from tests.servers import server_folder


def test_a_data_folder_may_be_named_relative_to_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with server_folder() as folder:
        monkeypatch.chdir(folder)
        server = PostgresServer(Path("data"), password="secret")
        server.start()
        try:
            assert PostgresServer(Path("data"), password="secret", port=server.port).is_running
        finally:
            server.stop()
        assert not server.is_running
        monkeypatch.undo()  # before the folder is gone
