"""The ``dg`` component: a workspace in a ``defs.yaml``, over the same pieces as the Python API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dagster import (
    Component,
    ComponentLoadContext,
    Definitions,
    Model,
    Resolvable,
    Scaffolder,
    ScaffoldRequest,
    scaffold_with,
)
from dagster.components.component_scaffolding import scaffold_component
from pydantic import Field

from acme_orchestration.definitions import build_definitions
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.declared import declared_in
from acme_orchestration.registry.document import Document
from acme_orchestration.registry.links import link
from acme_orchestration.registry.place import find_registry
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError

__all__ = ["AcmeConnectors"]

_FILE = "connectors.yaml"
_TEMPLATE = """\
# Connectors and pipelines. `acme types` lists the types, `acme types show TYPE` their fields.
# What differs in an environment stands in a file of its own, e.g. connectors.prod.yaml.

connectors: {}
#  users_db:
#    type: postgres
#    role: source
#    owner: team:data
#    config:
#      host: db.example.com
#      database: app
#      user: app
#      password: {env: USERS_DB_PASSWORD}     # secrets are references: env, file, aws, ...
#  analytics:
#    type: duckdb
#    role: destination
#    config: {path: analytics.duckdb}

pipelines: {}
#  user-analytics:
#    source: users_db
#    destination: analytics
#    schedule: "0 * * * *"
#    streams:
#      - {stream: users, write_mode: upsert, primary_key: [id]}
"""


class AcmeConnectorsScaffolder(Scaffolder):
    """Writes a ``defs.yaml`` and a ``connectors.yaml`` to fill in; one that is there stays."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Write the files."""
        scaffold_component(request, {"path": _FILE})
        file = request.target_path / _FILE
        if not file.exists():
            file.write_text(_TEMPLATE, encoding="utf-8")


@scaffold_with(AcmeConnectorsScaffolder)
class AcmeConnectors(Component, Resolvable, Model):
    """Connectors with their health and pipelines between them, as assets, checks, jobs and sensors.

    They stand in a ``connectors.yaml``, or here. One component of this kind belongs in a code location.
    """

    path: str | None = Field(
        None,
        description="The connectors.yaml, relative to this folder; by default the one in it.",
        examples=[_FILE, "../../connectors.yaml"],
    )
    connectors: dict[str, Any] | None = Field(
        None, description="Connectors by name, in place of a file.", examples=[{"lake": {"type": "parquet"}}]
    )
    pipelines: dict[str, Any] | None = Field(
        None,
        description="Pipelines by name, in place of a file.",
        examples=[{"copy": {"source": "users_db"}}],
    )
    environment: str | None = Field(
        None,
        description="The environment, whose overlay counts; what ACME_ENVIRONMENT says by default.",
        examples=["prod", "{{ env.DEPLOYMENT }}"],
    )

    def build_defs(self, context: ComponentLoadContext) -> Definitions:
        """Return the definitions of the workspace."""
        return build_definitions(self._workspace(context.path))

    def _workspace(self, folder: Path) -> Workspace:
        if self.connectors is None and self.pipelines is None:
            path = folder / (self.path or _FILE)
            return read_workspace(path, find_registry(), self.environment)
        if self.path is not None or self.environment is not None:
            field = "path" if self.path is not None else "environment"
            raise ConfigurationError(
                f"{folder / 'defs.yaml'}: {field} goes with a connectors.yaml, not with connectors and "
                "pipelines that stand in the component",
                code="file.invalid",
                hint=f"leave {field} out, or move them into a {_FILE}",
            )
        values = {"connectors": self.connectors, "pipelines": self.pipelines}
        return link(declared_in(Document(folder / "defs.yaml", values, {})))
