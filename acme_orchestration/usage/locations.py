"""Who uses connectors in one code location, as Dagster's webserver knows it: none of its code is imported."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acme_orchestration.graphql import ask

__all__ = ["LocationState", "location_states", "location_users"]

_STATES = """
query CodeLocations {
  workspaceOrError {
    __typename
    ... on Workspace {
      locationEntries { name loadStatus updatedTimestamp locationOrLoadError { __typename } }
    }
  }
}
"""
# With thousands of connectors, the first answer after a load takes a while.
_TIMEOUT_S = 120

# Dagster says itself which resources a job's ops and an asset need, but not what is needed by those.
_RESOURCES = """
query Resources($location: String!) {
  workspaceLocationEntryOrError(name: $location) {
    ... on WorkspaceLocationEntry {
      locationOrLoadError {
        ... on RepositoryLocation {
          repositories {
            name
            jobs { name tags { key value } }
            assetNodes { assetKey { path } tags { key value } }
            allTopLevelResourceDetails {
              name
              configuredValues { key value }
              parentResources { resource { name } }
              assetKeysUsing { path }
              jobsOpsUsing { jobName }
            }
          }
        }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class LocationState:
    """A code location as the webserver sees it.

    Attributes:
        name: Its name.
        version: Another one each time it is loaded.
        is_loaded: Whether it can be asked; if not, it is being loaded, or cannot be.
    """

    name: str
    version: str
    is_loaded: bool


def location_states(url: str) -> list[LocationState]:
    """Return the code locations of a webserver's workspace.

    Args:
        url: The webserver.

    Raises:
        requests.RequestException: It does not answer.
        FatalError: It cannot answer this.
    """
    workspace = ask(url, _STATES)["workspaceOrError"]
    return [
        LocationState(
            name=entry["name"],
            version=str(entry["updatedTimestamp"]),
            is_loaded=(entry["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation",
        )
        for entry in workspace.get("locationEntries", ())
    ]


def location_users(url: str, location: str) -> dict[str, list[str]]:
    """Return who uses each connector in a code location: pipelines, and other assets and jobs.

    A pipeline stands for its assets and its job. Jobs that test a connector do not count, nor do the jobs
    that Dagster makes by itself for assets.

    Args:
        url: The webserver.
        location: The name of a code location that is loaded.

    Returns:
        By the public name of the connector, sorted names: pipelines by their public names, assets by keys
        such as ``marts/orders``. A connector that nobody uses is not in it.

    Raises:
        requests.RequestException: The webserver does not answer.
        FatalError: It cannot answer this.
    """
    entry = ask(url, _RESOURCES, timeout_s=_TIMEOUT_S, location=location)["workspaceLocationEntryOrError"]
    found: dict[str, set[str]] = {}
    for repository in (entry.get("locationOrLoadError") or {}).get("repositories", ()):
        for connector, users in _repository_users(repository):
            found.setdefault(connector, set()).update(users)
    return {connector: sorted(users) for connector, users in found.items() if users}


def _repository_users(repository: Mapping[str, Any]) -> Iterator[tuple[str, set[str]]]:
    jobs = {job["name"]: _tags(job) for job in repository["jobs"]}
    assets = {"/".join(node["assetKey"]["path"]): _tags(node) for node in repository["assetNodes"]}
    resources = {resource["name"]: resource for resource in repository["allTopLevelResourceDetails"]}
    for name, resource in resources.items():
        connector = _connector(resource)
        if connector is None:
            continue
        users: set[str] = set()
        for key in _with_parents(name, resources):
            used_by = resources[key]
            users.update(_names(("/".join(a["path"]) for a in used_by["assetKeysUsing"]), assets))
            users.update(_names((job["jobName"] for job in used_by["jobsOpsUsing"]), jobs))
        yield connector, users


def _connector(resource: Mapping[str, Any]) -> str | None:
    """Return the public name of the connector that a resource stands for; its name there may be another."""
    configured = {item["key"]: item["value"] for item in resource["configuredValues"]}
    if not {"name", "type", "role", "config"} <= configured.keys():
        return None
    try:
        name = json.loads(configured["name"])
    except ValueError:
        return None  # somebody else's resource
    return name if isinstance(name, str) else None


def _with_parents(name: str, resources: Mapping[str, Mapping[str, Any]]) -> Collection[str]:
    """Return a resource and all those that it is part of, also if they are parts of each other."""
    seen: set[str] = set()
    ahead = [name]
    while ahead:
        key = ahead.pop()
        if key in resources and key not in seen:
            seen.add(key)
            ahead += [parent["resource"]["name"] for parent in resources[key]["parentResources"]]
    return seen


def _names(used_by: Iterator[str], known: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield public names for those of jobs or assets; none for the tests of a connector."""
    for name in used_by:
        tags = known.get(name, {})
        if "acme/connector" not in tags:
            yield tags.get("acme/pipeline", name)


def _tags(item: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in item["tags"]}
