"""The server behind a proxy and under a path: its links, whom it counts and logs, and who is believed."""

from __future__ import annotations

import http.client
import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.keys import SCOPES, KeyStore
from acme_sdk.errors import ConfigurationError
from api.access.cors import AllowedOrigins
from api.access.proxies import TrustedProxies
from tests.api.command import Server, running_server

WORKSPACE = "connectors:\n" + "".join(
    f"  lake_{n}: {{type: parquet, role: destination, config: {{path: p}}}}\n" for n in range(3)
)
PORTAL = "https://portal.example.com"
CLIENT = "203.0.113.7"


@contextmanager
def proxy(upstream: str, prefix: str, headers: dict[str, str]) -> Iterator[str]:
    """A reverse proxy: what comes under the prefix goes on without it, and with further headers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=120)
            sent = {name: value for name, value in self.headers.items() if name not in headers}
            connection.request(self.command, self.path.removeprefix(prefix), body, sent | headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def make_key(folder: Path, name: str) -> dict[str, str]:
    (folder / "home").mkdir(exist_ok=True)
    store = KeyStore(RegistryDatabase(f"sqlite:///{folder / 'home' / 'acme_registry.db'}"))
    return {"Authorization": f"Bearer {store.create(name, SCOPES, actor='x')}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxied")


@pytest.fixture(scope="module")
def ann(folder: Path) -> dict[str, str]:
    return make_key(folder, "ann")


@pytest.fixture(scope="module")
def server(folder: Path, ann: dict[str, str]) -> Iterator[Server]:
    options = ["--workers", "2", "--trusted-proxies", "127.0.0.0/8, 10.0.0.0/8", "--allow-origin", PORTAL]
    rates = "read=50/hour, refused=5/hour"
    with running_server(folder, *options, "--rates", rates, workspace=WORKSPACE) as server:
        server.wait_until(lambda: len(server.workers()) == 2)
        yield server


@pytest.fixture(scope="module")
def outside(server: Server) -> Iterator[str]:
    """The server's address as people see it."""
    headers = {
        "X-Forwarded-For": f"10.1.2.3, {CLIENT}, 10.0.0.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "connectors.example.com",
        "X-Forwarded-Prefix": "/connectors-api",
    }
    with proxy(server.url, "/connectors-api", headers) as url:
        yield url


def links_of(url: str, ann: dict[str, str]) -> None:
    """Follow each link that the server gives, from outside."""

    def get(link: str) -> requests.Response:
        answer = requests.get(urljoin(url, link), headers=ann, timeout=120)
        assert answer.status_code == 200, (link, answer.text)
        return answer

    part = get(f"{url}/api/v1/connectors?limit=1").json()
    names = [item["name"] for item in part["data"]]
    while part["next"]:
        part = get(part["next"]).json()
        names += [item["name"] for item in part["data"]]
    assert [name for name in names if name.startswith("lake_")] == ["lake_0", "lake_1", "lake_2"]

    for page in (f"{url}/", f"{url}/docs"):
        for link in re.findall(r'(?:href|src)="([^"#]+)', get(page).text):
            get(urljoin(page, link))
    (api,) = get(f"{url}/openapi.json").json()["servers"]
    get(urljoin(f"{url}/openapi.json", api["url"].rstrip("/") + "/livez"))

    body = {"name": "pond", "type": "parquet", "role": "destination", "config": {"path": "pond"}}
    made = requests.post(f"{url}/api/v1/connectors", json=body, headers=ann, timeout=120)
    assert made.status_code in (200, 201), made.text
    assert get(made.headers["Location"]).json()["data"]["name"] == "pond"


def test_links_behind_a_proxy(outside: str, ann: dict[str, str]) -> None:
    links_of(outside, ann)


@pytest.mark.parametrize("prefix", ["", "/connectors-api"])
def test_links_under_a_root_path(tmp_path: Path, prefix: str) -> None:
    """Whether or not the proxy takes the path away."""
    ann = make_key(tmp_path, "ann")
    with (
        running_server(
            tmp_path, "--workers", "1", "--root-path", "/connectors-api", workspace=WORKSPACE
        ) as server,
        proxy(server.url, prefix, {}) as url,
    ):
        links_of(url.removesuffix(prefix) + "/connectors-api", ann)
        if not prefix:
            assert requests.get(f"{url}/connectors-api", timeout=120).url == f"{url}/connectors-api/"


def test_rates_hold_over_all_workers(server: Server, folder: Path) -> None:
    bob, cy = make_key(folder, "bob"), make_key(folder, "cy")
    answers: Counter[int] = Counter()

    def both_have_answered() -> bool:
        with ThreadPoolExecutor(8) as pool:
            sent = pool.map(lambda _: server.get("/api/v1/connectors", headers=bob), range(80))
            answers.update(answer.status_code for answer in sent)
        return len({line["worker"] for line in server.lines() if line.get("key") == "bob"}) == 2

    server.wait_until(both_have_answered)
    assert (answers[200], set(answers)) == (50, {200, 429})
    assert server.get("/api/v1/connectors", headers=cy).status_code == 200
    # Each worker tells of all.
    metrics = server.get("/metrics", headers=cy).text
    rejected = re.search(r'^acme_api_requests_rejected_total{route="/api/v1/connectors"} (.+)', metrics, re.M)
    assert rejected is not None, metrics
    assert float(rejected[1]) >= answers[429]


def test_who_guesses_keys_is_known_by_the_address(server: Server, ann: dict[str, str]) -> None:
    def guess(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded, "Authorization": "Bearer acme_x"}
        return server.get("/api/v1/connectors", headers=headers).status_code

    # What the guesser writes into the header changes nothing: a proxy adds the true address behind it.
    assert [guess(f"192.0.2.{number}, 198.51.100.4") for number in range(7)] == [401] * 5 + [429] * 2
    assert guess("198.51.100.5") == 401
    valid = server.get("/api/v1/connectors", headers=ann | {"X-Forwarded-For": "198.51.100.4"})
    assert valid.status_code == 200


def test_a_line_of_the_log(outside: str, server: Server, ann: dict[str, str]) -> None:
    sent = requests.get(
        f"{outside}/api/v1/connectors/lake_0%0d%0aX/health?token=canary-5",
        headers=ann | {"X-Request-Id": "from-outside.1"},
        timeout=120,
    )
    assert (sent.status_code, sent.headers["X-Request-Id"]) == (404, "from-outside.1")
    assert sent.json()["request_id"] == "from-outside.1"
    # Lines are written some at a time.
    server.wait_until(lambda: "from-outside.1" in server.log.read_text())
    (line,) = [one for one in server.lines() if one.get("request_id") == "from-outside.1"]
    assert line["duration_ms"] >= 0
    assert {name: line[name] for name in ("method", "route", "path", "status", "key", "address")} == {
        "method": "GET",
        "route": "/api/v1/connectors/<name>/health",
        "path": "/api/v1/connectors/lake_0\r\nX/health",
        "status": 404,
        "key": "ann",
        "address": CLIENT,
    }
    assert "canary-5" not in server.log.read_text()
    assert ann["Authorization"] not in server.log.read_text()
    for bad in ("a b", "x" * 101, '"', "\u00e9"):
        answer = server.get("/livez", headers={"X-Request-Id": bad.encode("latin-1")})
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])


def test_nobody_is_believed_without_a_trusted_proxy(tmp_path: Path) -> None:
    headers = {
        "X-Forwarded-For": CLIENT,
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "https",
        "Forwarded": f"for={CLIENT};host=evil.test",
    }
    rates = ("--rates", "read=3/hour", "--log-format", "text")
    with running_server(tmp_path, "--workers", "1", *rates, workspace=WORKSPACE) as server:
        first = server.get("/api/v1/connectors?limit=1", headers=headers)
        assert first.json()["next"].startswith("/api/")
        others = [
            server.get("/livez\x1b", headers=headers | {"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(3)
        ]
        assert [other.status_code for other in others] == [404, 404, 429]
        log = server.wait_until(lambda: (text := server.log.read_text()).count("429") and text)
        assert "address=127.0.0.1" in log
        assert CLIENT not in log
        assert "\x1b" not in log
        assert re.search(r"^\S+Z INFO +GET /livez\\x1b 429  duration_ms=", log, re.M), log


def test_pages_of_allowed_sites(server: Server, ann: dict[str, str]) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    path = "/api/v1/connectors/test"
    preflight = server.request("OPTIONS", path, headers={"Origin": PORTAL} | asked)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    sent = {"Origin": PORTAL, "Sec-Fetch-Site": "cross-site"}
    for headers, status in ((ann, 422), ({}, 401)):
        answer = server.request("POST", path, json={}, headers=sent | headers)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == PORTAL
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]

    for origin in ("https://evil.test", "http://portal.example.com", "null", f"{PORTAL}.evil.test"):
        other = server.request("OPTIONS", path, headers={"Origin": origin} | asked)
        refused = server.request("POST", path, json={}, headers=sent | ann | {"Origin": origin})
        assert (refused.status_code, refused.json()["code"]) == (403, "origin.refused")
        for answer in (other, refused):
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Vary"] == "Origin"


def test_trusted_proxies_that_are_none() -> None:
    for text in ("ten", "-1", "11", "10.0.0.0/99", "10.0.0.1/8", "1,2"):
        with pytest.raises(ConfigurationError) as caught:
            TrustedProxies.parse(text)
        assert caught.value.code == "proxies.invalid"
    for text in ("*", "portal.example.com", "https://a/b", "https://*.example.com", "null"):
        with pytest.raises(ConfigurationError) as caught:
            AllowedOrigins.parse(text)
        assert caught.value.code == "origins.invalid"
    assert TrustedProxies.parse("") == TrustedProxies.parse("0") == TrustedProxies()
    assert TrustedProxies.parse("2").passed([]) == 2
