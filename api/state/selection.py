"""Choosing from the list of connectors: filters, order, pages."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from heapq import nlargest, nsmallest
from http import HTTPStatus
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from flask import request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.messages.problems import ProblemError, refuse_invalid
from api.schemas import ProblemField, Role, Status

if TYPE_CHECKING:
    from flask import Response

    from api.state.snapshot import Listed

__all__ = ["ConnectorQuery", "Page", "counted", "select", "with_query"]

# What needs attention comes first.
_SEVERITY: Mapping[Status, int] = {"unhealthy": 0, "degraded": 1, "unknown": 2, "disabled": 3, "healthy": 4}

# The history of each is read.
_MOST_HEALTH = 100


class ConnectorQuery(BaseModel):
    """Which connectors, and in which order: without any of these all of them, as they are declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: list[str] = Field(default=[], description="One of these.", examples=[["users_db"]])
    role: Role | None = Field(default=None, description="Sources, or destinations.", examples=["source"])
    type: list[str] = Field(default=[], description="One of these types.", examples=[["postgres"]])
    status: list[Status] = Field(default=[], description="One of these states.", examples=[["unhealthy"]])
    pipeline: str | None = Field(
        default=None, description="Used by this pipeline, asset or job.", examples=["user-analytics"]
    )
    q: str | None = Field(
        default=None,
        max_length=200,
        description="Has this in its name, type, description, or the names of its pipelines, in any case.",
    )
    sort: (
        Literal[
            "name",
            "-name",
            "type",
            "-type",
            "role",
            "-role",
            "status",
            "-status",
            "last_check",
            "-last_check",
        ]
        | None
    ) = Field(
        default=None,
        description="`-` turns the order round. By `status` unhealthy ones come first, by `last_check` "
        "those that were never checked.",
    )
    limit: int | None = Field(
        default=None, ge=1, le=1000, description="How many at most; `next` leads to the others."
    )
    cursor: str | None = Field(
        default=None,
        max_length=1000,
        description="Where a page begins; it stands in `next` of the page before.",
    )
    include: list[Literal["health", "counts"]] = Field(
        default=[],
        description="What the answer has besides: `health` of each connector, with a `limit` of 100 at most; "
        "`counts` of the states.",
        examples=[["health"]],
    )

    @model_validator(mode="after")
    def _limit_health(self) -> ConnectorQuery:
        if "health" in self.include and (self.limit or math.inf) > _MOST_HEALTH:
            raise ValueError(f"`include=health` takes a `limit`, {_MOST_HEALTH} at most")
        return self


_EVERYTHING = ConnectorQuery()
_LISTS = frozenset(name for name, field in ConnectorQuery.model_fields.items() if field.default == [])


def with_query(view: Callable[[ConnectorQuery], Response]) -> Callable[..., Response]:
    """Let a route read its query without the library's help, which takes longer than to send the list."""

    @wraps(view)
    def answer() -> Response:
        args = request.args
        if not args:
            return view(_EVERYTHING)
        values = {name: args.getlist(name) if name in _LISTS else args[name] for name in args}
        try:
            query = ConnectorQuery.model_validate(values)
        except ValidationError as error:
            refuse_invalid(error)
        return view(query)

    # By this the library knows that it is to describe the query, and not to read it.
    answer.__dict__["__delay_validate_request__"] = True
    return answer


@dataclass(frozen=True)
class Page:
    """What was chosen.

    Attributes:
        connectors: In the order asked for.
        cursor: Where the next page begins; ``None`` if there is none.
    """

    connectors: Sequence[Listed]
    cursor: str | None


def select(connectors: Mapping[str, Listed], query: ConnectorQuery) -> Page:
    """Choose connectors.

    A page begins after the connector that ended the one before, wherever that stands by now.

    Args:
        connectors: All of them, by name, in the order declared.
        query: What is asked for.

    Raises:
        ProblemError: 422, the cursor is not one of this order.
    """
    is_falling = query.sort is not None and query.sort.startswith("-")
    key = _KEYS[(query.sort or "").removeprefix("-")]
    words = query.q.casefold() if query.q else None
    placed = [
        (key(place, listed), listed.item.name, listed)
        for place, listed in enumerate(connectors.values())
        if _fits(listed, query, words)
    ]
    if query.cursor is not None:
        after = _read_cursor(query.cursor, query.sort, connectors)
        placed = [one for one in placed if (one[:2] < after if is_falling else one[:2] > after)]
    if query.limit is None:
        placed.sort(key=_PLACE, reverse=is_falling)
        return Page([one[2] for one in placed], None)
    # Of thousands, those of a page are found sooner than all are sorted.
    first = nlargest if is_falling else nsmallest
    found = first(query.limit + 1, placed, key=_PLACE)
    page = found[: query.limit]
    has_more = len(page) < len(found)
    return Page([one[2] for one in page], _cursor(query.sort, page[-1][:2]) if has_more else None)


def counted(connectors: Iterable[Listed], query: ConnectorQuery) -> dict[Status, int]:
    """Return how many connectors are in each state, the most severe first, whatever states were asked for.

    Args:
        connectors: All of them.
        query: What is asked for.
    """
    words = query.q.casefold() if query.q else None
    anyhow = query.model_copy(update={"status": []})
    counts = Counter(listed.item.status for listed in connectors if _fits(listed, anyhow, words))
    return {status: counts[status] for status in _SEVERITY}


_PLACE = itemgetter(0, 1)
_KEYS: Mapping[str, Callable[[int, Listed], int | str]] = {
    "": lambda place, _: 2 * place,  # odd numbers are places between them
    "name": lambda _, listed: listed.item.name,
    "type": lambda _, listed: listed.item.type,
    "role": lambda _, listed: listed.item.role,
    "status": lambda _, listed: _SEVERITY[listed.item.status],
    "last_check": lambda _, listed: listed.checked,
}


def _fits(listed: Listed, query: ConnectorQuery, words: str | None) -> bool:
    item = listed.item
    return (
        (not query.name or item.name in query.name)
        and (query.role is None or item.role == query.role)
        and (not query.type or item.type in query.type)
        and (not query.status or item.status in query.status)
        and (query.pipeline is None or query.pipeline in item.pipelines)
        and (words is None or words in listed.text)
    )


def _cursor(sort: str | None, place: tuple[int | str, str]) -> str:
    return urlsafe_b64encode(json.dumps([sort, *place], separators=(",", ":")).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, sort: str | None, connectors: Mapping[str, Listed]) -> tuple[int | str, str]:
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        of_sort, key, name = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        of_sort = key = name = None
    kind = int if sort is None or sort.endswith("status") else str
    if of_sort != sort or type(key) is not kind or not isinstance(name, str):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "request.invalid",
            "`cursor` is not one of this list; take it from `next`, with the same `sort`",
            errors=[ProblemField(field="cursor", message="is not one of this list in this order")],
        )
    if not isinstance(key, int) or sort is not None:
        return key, name
    # Those declared after it may have moved up; if it is gone, the next one stands where it was.
    places = {known: 2 * place for place, known in enumerate(connectors)}
    return places.get(name, key - 1), name
