"""The connector that the page about HTTP shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from acme.sdk import open_connector
from acme_sdk.plugins import load_file
from tests.sdk.http_server import Answer, Asked, serving

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text()


def test_the_connector_that_is_shown_reads_all_pages(tmp_path):
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    file = tmp_path / "items.py"
    file.write_text(code)
    kind = load_file(file)["source"]

    def respond(asked: Asked) -> Answer:
        first = "cursor" not in asked.query
        return Answer({"items": [{"id": 1 if first else 2}], "meta": {"next": "c2"} if first else {}})

    with (
        serving(respond) as server,
        open_connector(kind, {"url": server.url, "token": "key"}) as connector,
    ):
        rows = list(connector.extract(datetime(2026, 1, 1, tzinfo=UTC)))
        assert [dict(row) for row in rows] == [{"id": 1}, {"id": 2}]
        assert {asked.headers["Authorization"] for asked in server.asked} == {"Bearer key"}
        assert {asked.query["since"] for asked in server.asked} == {"2026-01-01T00:00:00+00:00"}
