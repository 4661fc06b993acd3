"""``********`` in a change: what it stands for, and what it must not bring along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.masking import masked
from acme_orchestration.registry.registered import Registry
from acme_sdk.secrets import MASK
from api.state.patch import merged, patch_problems
from tests.api.client import Api

PATH = "/api/v1/connectors"
# A type that calls none of its fields secret: what is in the addresses is stored as it stands.
FEEDS = """
from acme.sdk import Row, SourceConnector


class Feeds(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "address": {"type": "string", "required": True},
            "mirrors": {"type": "array"},
            "page_size": {"type": "integer", "default": 100},
            "folder": {"type": "string"},
        }

    def setup(self, config):
        pass

    def extract(self, last_run=None):
        yield Row(id=1)
"""
FEED: dict[str, Any] = {
    "name": "feed",
    "type": "feeds",
    "role": "source",
    "config": {
        "address": "https://ann:canary-1@feeds.example.com:8443/a?v=1",
        "mirrors": ["https://bob:canary-2@one.example.com", "https://two.example.com"],
    },
}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))


@pytest.fixture
def change(make_api: Callable[..., Api], registry: Registry) -> Callable[[Any], requests.Response]:
    """Change the configuration of a registered feed."""
    api = make_api(registry=registry)
    (api.workspace_file.parent / "connectors").mkdir()
    (api.workspace_file.parent / "connectors" / "feeds.py").write_text(FEEDS)
    made = requests.post(api.url + PATH, json=FEED, timeout=120)
    assert made.status_code == 201, made.text
    refused = requests.post(
        api.url + PATH, json=FEED | {"name": "other", "config": {"address": MASK}}, timeout=120
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "secret.masked")
    assert refused.json()["errors"][0]["field"] == "config.address"

    def send(config: Any) -> requests.Response:
        answer = requests.patch(
            f"{api.url}{PATH}/feed", json={"config": config}, headers={"If-Match": "*"}, timeout=120
        )
        assert "canary" not in answer.text
        return answer

    return send


def stored(registry: Registry) -> dict[str, Any]:
    config: dict[str, Any] = registry.get("connector", "feed").body["config"]
    return config


def test_what_was_shown_can_be_sent_back(
    change: Callable[[Any], requests.Response], registry: Registry
) -> None:
    shown = masked(FEED["config"])
    assert shown == {"address": MASK, "mirrors": [MASK, "https://two.example.com"]}

    answer = change(shown | {"page_size": 50})

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["config"] == shown | {"page_size": 50}
    assert stored(registry) == FEED["config"] | {"page_size": 50}


def test_the_password_of_an_address_stays_while_its_path_changes(
    change: Callable[[Any], requests.Response], registry: Registry
) -> None:
    address = f"https://ann:{MASK}@feeds.example.com:8443/b?v=1"

    assert change({"address": address}).status_code == 200
    assert stored(registry)["address"] == "https://ann:canary-1@feeds.example.com:8443/b?v=1"


@pytest.mark.parametrize(
    ("config", "field"),
    [
        # An address that leads elsewhere in any way.
        ({"address": f"https://ann:{MASK}@evil.example.com:8443/a?v=1"}, "address"),
        ({"address": f"https://ann:{MASK}@feeds.example.com:8444/a?v=1"}, "address"),
        ({"address": f"https://ann:{MASK}@feeds.example.com:8443/a?host=evil.example.com"}, "address"),
        ({"address": f"http://ann:{MASK}@feeds.example.com:8443/a?v=1"}, "address"),
        ({"address": f"https://eve:{MASK}@feeds.example.com:8443/a?v=1"}, "address"),
        ({"address": f"https://ann:{MASK}@feeds.example.com:8443@evil.example.com/a?v=1"}, "address"),
        ({"address": f"https://ann:{MASK}@feeds.example.com:8443\\@evil.example.com/a?v=1"}, "address"),
        ({"address": f"https://feeds.example.com:8443/a?password={MASK}"}, "address"),
        ({"address": f"https://[{MASK}"}, "address"),
        ({"address": f"host=x password={MASK}"}, "address"),
        # Nothing that a mask could stand for.
        ({"folder": MASK}, "folder"),
        ({"mirrors": [MASK, MASK]}, "mirrors.1"),
        ({"mirrors": ["https://two.example.com", MASK]}, "mirrors.1"),
        ({"mirrors": [MASK]}, "mirrors.0"),
        ({"mirrors": {"0": MASK}}, "mirrors.0"),
        # Another text changes, so the secrets have to be sent again.
        ({"folder": "x"}, "address"),
        ({"folder": "x", "address": MASK}, "address"),
        ({"folder": "x", "address": f"https://ann:{MASK}@feeds.example.com:8443/a?v=1"}, "address"),
        ({"mirrors": [MASK, "https://evil.example.com"]}, "mirrors.0"),
        ({"mirrors": None}, "address"),
    ],
)
def test_a_mask_that_is_refused(
    change: Callable[[Any], requests.Response], registry: Registry, config: dict[str, Any], field: str
) -> None:
    answer = change(config)

    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid"), answer.text
    assert f"config.{field}" in [error["field"] for error in answer.json()["errors"]]
    assert stored(registry) == FEED["config"]


def test_secrets_that_are_sent_again_go_along(
    change: Callable[[Any], requests.Response], registry: Registry
) -> None:
    config = {
        "address": "https://ann:canary-1@elsewhere.example.com/a",
        "mirrors": ["https://bob:canary-2@one.example.com"],
        "folder": "x",
    }

    assert change(config).status_code == 200
    assert stored(registry) == config


def test_each_item_of_a_list_keeps_its_own_secret() -> None:
    servers = [{"host": name, "token": f"canary-{name}"} for name in "ab"]
    old = {"servers": servers, "credentials": {"id": "i", "key": "canary-k"}, "password": {"env": "P"}}
    shown = masked(old)
    assert shown["servers"] == [{"host": name, "token": MASK} for name in "ab"]

    assert merged(old, shown) == old
    assert merged(old, {"credentials": {"key": MASK}}) == old
    swapped = {"servers": shown["servers"][::-1]}
    fields = {problem.field for problem in patch_problems(old, swapped)}
    assert fields >= {"servers.0.token", "servers.1.token", "credentials.key", "password"}
    for patch in ({"credentials": {"other": MASK}}, {"servers": [{"host": MASK, "token": "t"}]}):
        assert patch_problems(old, patch)


LEAVES = st.sampled_from(["text", 1, True, "https://u:canary@h/p", {"env": "S"}, MASK])
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "token", "host"]), inner, max_size=3)
        | st.lists(inner, max_size=3)
    ),
)
CONFIGS = st.dictionaries(st.sampled_from(["a", "token", "host"]), JSON, max_size=3)


def has_mask(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(has_mask, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and MASK in value


@given(CONFIGS.filter(lambda config: not has_mask(config)), CONFIGS)
def test_no_mask_is_ever_stored(old: dict[str, Any], patch: dict[str, Any]) -> None:
    assert merged(old, masked(old)) == old
    assert patch_problems(old, masked(old)) == []
    assert not has_mask(merged(old, patch)) or patch_problems(old, patch)
