"""What is asked of Dagster's webserver, over GraphQL: is it ready, start a job, how far is a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from acme_orchestration.graphql import ask
from acme_sdk.errors import FatalError

__all__ = ["RunProgress", "Webserver"]

_LOCATIONS = """
query Locations {
  workspaceOrError {
    ... on Workspace {
      locationEntries { name loadStatus locationOrLoadError { __typename ... on PythonError { message } } }
    }
  }
}
"""
_JOBS = """
query Jobs {
  repositoriesOrError {
    ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
  }
}
"""
_SUCCEEDED = """
query Succeeded($job: String!) {
  runsOrError(filter: {pipelineName: $job, statuses: [SUCCESS]}, limit: 1) {
    ... on Runs { results { id } }
  }
}
"""
_LAUNCH = """
mutation Launch($selector: JobOrPipelineSelector!) {
  launchRun(executionParams: {selector: $selector}) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on PythonError { message }
  }
}
"""
_RUN = """
query Run($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      status
      assetMaterializations {
        assetKey { path }
        metadataEntries { label ... on IntMetadataEntry { intValue } }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class RunProgress:
    """How far a run is.

    Attributes:
        status: As Dagster calls it: ``QUEUED``, ``STARTED``, ``SUCCESS``, ``FAILURE``, …
        rows: Rows by the last part of the asset's key, for the assets that are done.
    """

    status: str
    rows: dict[str, int]

    @property
    def is_finished(self) -> bool:
        """Whether the run has come to an end, good or bad."""
        return self.status in ("SUCCESS", "FAILURE", "CANCELED")


class Webserver:
    """A Dagster webserver.

    Args:
        url: Where it is, e.g. ``http://127.0.0.1:3000``.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def is_ready(self) -> bool:
        """Whether it answers and has loaded its code locations.

        Raises:
            FatalError: A code location cannot be loaded.
        """
        try:
            workspace = self._query(_LOCATIONS)["workspaceOrError"]
        except requests.ConnectionError:
            return False
        entries = workspace.get("locationEntries", [])
        for entry in entries:
            found = entry["locationOrLoadError"]
            if found and found["__typename"] == "PythonError":
                raise FatalError(
                    f"the code location {entry['name']} cannot be loaded: {found['message']}",
                    code="dagster.location",
                )
        return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)

    def has_succeeded(self, job: str) -> bool:
        """Whether a run of the job ever succeeded."""
        return bool(self._query(_SUCCEEDED, job=job)["runsOrError"]["results"])

    def launch(self, job: str) -> str:
        """Start a run of a job and return the run's id.

        Raises:
            FatalError: There is no such job, or it cannot be launched.
        """
        for repository in self._query(_JOBS)["repositoriesOrError"]["nodes"]:
            if job in (known["name"] for known in repository["jobs"]):
                selector = {
                    "repositoryName": repository["name"],
                    "repositoryLocationName": repository["location"]["name"],
                    "jobName": job,
                }
                launched = self._query(_LAUNCH, selector=selector)["launchRun"]
                if "run" not in launched:
                    reason = launched.get("message", launched["__typename"])
                    raise FatalError(f"the job {job} cannot be launched: {reason}", code="dagster.launch")
                return str(launched["run"]["id"])
        raise FatalError(f"Dagster has no job {job}", code="dagster.launch")

    def run(self, run_id: str) -> RunProgress:
        """Return how far a run is."""
        run = self._query(_RUN, id=run_id)["runOrError"]
        rows = {
            materialization["assetKey"]["path"][-1]: entry["intValue"]
            for materialization in run["assetMaterializations"]
            for entry in materialization["metadataEntries"]
            if entry["label"] == "rows_loaded"
        }
        return RunProgress(run["status"], rows)

    def _query(self, query: str, **variables: Any) -> dict[str, Any]:
        return ask(self.url, query, **variables)
