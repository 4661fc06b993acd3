"""What the registry holds: connectors and pipelines, as written."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from acme_sdk.errors import ConfigurationError
from acme_sdk.health import CHECK_TIMEOUT_S
from acme_sdk.load import WriteMode
from acme_sdk.policy import NestedData, SchemaPolicy

if TYPE_CHECKING:
    from acme_sdk.sync import StreamPlan

__all__ = [
    "ConnectorEntry", "Entry", "Kind", "PipelineEntry", "StreamEntry", "by_dagster_name", "dagster_name",
    "translated",
]  # fmt: skip

# Names of Dagster's own, and of Python, that a resource, a job or an asset cannot bear there.
_RESERVED = {
    "arg_dict", "bool", "conf", "config", "context", "dict", "float", "input", "input_arg_dict", "int",
    "io_manager", "meta", "output", "output_arg_dict", "str", "type", *keyword.kwlist,
}  # fmt: skip


def translated(name: str) -> str:
    """Return a name as it reads in Dagster, allowed there or not: names that are one there are the same."""
    return name.replace("-", "_")


def dagster_name(name: str) -> str:
    """Return the name that Dagster allows: ``user-analytics`` → ``user_analytics``.

    Raises:
        ConfigurationError: The name is not allowed (code ``name.invalid``). It consists of letters and
            digits with single ``_`` or ``-`` between them, so that joined by ``__`` names stay apart.
    """
    if len(name) > 63 or not re.fullmatch(r"[A-Za-z]([_-]?[A-Za-z0-9])*", name):
        hint = "use letters, digits and single _ or - between them, at most 63 characters, a letter first"
    elif translated(name) in _RESERVED:
        hint = "Dagster or Python keeps this name for itself: choose another"
    else:
        return translated(name)
    raise ConfigurationError(f"the name {name!r} is not allowed", code="name.invalid", hint=hint)


def _allowed(name: str) -> str:
    try:
        dagster_name(name)
    except ConfigurationError as error:
        raise ValueError(f"{error.message}: {error.hint}") from None
    return name


def _reachable(owner: str) -> str:
    e_mail = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,7}"
    if not re.fullmatch(rf"team:[\w. -]+|{e_mail}", owner, re.ASCII):
        raise ValueError("must be an e-mail address or team:NAME")
    return owner


Name = Annotated[str, AfterValidator(_allowed)]
TypeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,63}$")]
Owner = Annotated[str, AfterValidator(_reachable)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConnectorEntry(_Entry):
    """A connector: a type, a role and a configuration, under a name.

    Attributes:
        name: Public name, e.g. ``users_db``.
        type: The connector type, e.g. ``postgres``.
        role: ``source`` or ``destination``.
        config: The configuration as written; secrets only as references.
        description: For people.
        owner: An e-mail address, or ``team:NAME``.
        disabled: Neither checked nor used.
        check_interval_s: Seconds between health checks.
        check_timeout_s: Seconds until a health check counts as hanging, from when its connector is imported;
            two of them fit into one sensor tick.
        failure_threshold: How many checks in a row must fail until a working connector is unhealthy.
        success_threshold: How many checks in a row must succeed until an unhealthy one is healthy again.
        fault: Why the entry cannot be used, e.g. a literal secret; ``None`` for a good one.
    """

    name: Name
    type: TypeName
    role: Literal["source", "destination"]
    config: dict[str, Any] = Field(default_factory=dict, repr=False)
    description: str | None = None
    owner: Owner | None = None
    disabled: bool = False
    check_interval_s: int = Field(default=60, ge=5)
    check_timeout_s: float = Field(default=CHECK_TIMEOUT_S, gt=0, le=20)
    failure_threshold: int = Field(default=1, ge=1, le=100)
    success_threshold: int = Field(default=1, ge=1, le=100)
    fault: str | None = None


class StreamEntry(_Entry):
    """One stream of a pipeline and how it is loaded.

    Attributes:
        stream: Its name in the source; ``None`` for the source's only one.
        table: The target, ``table`` or ``schema.table``; the stream's name by default.
        write_mode: ``append``, ``overwrite`` or ``upsert``.
        primary_key: Columns that identify a row; the source's own key by default.
        cursor: The column whose highest value is kept, so that the next run reads only what is new, or
            several that are compared one after the other.
        overlap: How far before that value the next run begins, for records that come late: a number, or a
            duration such as ``PT1H``; the source's own by default.
        columns: Names of columns in the target, by their names in the source; by default their own.
        nested: What becomes of dictionaries and lists: ``json`` columns, or child ``tables``.
    """

    stream: str | None = None
    table: str | None = None
    write_mode: WriteMode = WriteMode.OVERWRITE
    primary_key: tuple[str, ...] = ()
    cursor: str | tuple[str, ...] | None = None
    overlap: int | float | timedelta | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    nested: NestedData = NestedData.JSON


class PipelineEntry(_Entry):
    """A pipeline: streams of a source that go to a destination.

    Attributes:
        name: Public name, e.g. ``user-analytics``.
        source: Name of the source connector.
        destination: Name of the destination connector.
        streams: What is synced; by default the source's only stream.
        on_schema_change: What happens to new columns, and to values that need a wider type: ``evolve``,
            ``freeze``, ``discard_row`` or ``discard_value``.
        max_rejected: How many records of a stream connectors may put aside until a sync stops: a number, a
            share such as 0.01, or ``null`` for any number.
        schedule: A cron expression, or ``None``.
        wait_for_healthy_source: The schedule starts nothing while the source is unhealthy, and the run it
            would have started begins when the source is back.
        description: For people.
        owner: An e-mail address, or ``team:NAME``.
        fault: Why the entry cannot be used, e.g. an unknown source; ``None`` for a good one.
    """

    name: Name
    source: Name
    destination: Name
    streams: tuple[StreamEntry, ...] = (StreamEntry(),)
    on_schema_change: SchemaPolicy = SchemaPolicy.EVOLVE
    max_rejected: Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0, le=1)] | None = 0
    schedule: str | None = None
    wait_for_healthy_source: bool = False
    description: str | None = None
    owner: Owner | None = None
    fault: str | None = None

    def plan(self, stream: StreamEntry) -> StreamPlan:
        """Return what is asked of a sync of one of the streams."""
        from acme_sdk.sync import StreamPlan  # imports Arrow, which loading needs not

        return StreamPlan(
            pipeline=self.name,
            stream=stream.stream,
            table=stream.table,
            write_mode=stream.write_mode,
            primary_key=stream.primary_key,
            cursor_field=stream.cursor,
            overlap=stream.overlap,
            max_rejected=self.max_rejected,
            on_schema_change=self.on_schema_change,
            columns=stream.columns,
            nested=stream.nested,
            beside=tuple(s.stream for s in self.streams if s is not stream and s.stream and s.table is None),
        )


Kind = Literal["connector", "pipeline"]
#: A connector or a pipeline.
Entry = TypeVar("Entry", ConnectorEntry, PipelineEntry)


def by_dagster_name(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return the entries that Dagster can show, by the name they have there.

    Left out are entries whose name is not allowed and, of two that are one to Dagster, the second.
    """
    shown: dict[str, Entry] = {}
    for entry in entries:
        try:
            shown.setdefault(dagster_name(entry.name), entry)
        except ConfigurationError:
            continue  # its fault says so
    return shown
