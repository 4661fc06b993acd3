"""Are the streams what `streams()` says they are?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from acme_sdk.catalog import Partition, Stream
from acme_sdk.cursor import cursor_columns
from acme_sdk.errors import FatalError
from acme_sdk.position import Checkpoint, Position
from acme_sdk.row import Row
from acme_sdk.source import BatchSource, SourceConnector
from acme_sdk.testing.cursors import Cursor
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.identity import identities, identity, key_of
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []


@check(
    "streams.names",
    "streams have names of their own",
    hint="give each Stream another name, and the same one in every run",
    role="source",
    needs=["lifecycle.setup"],
)
def names(subject: Subject) -> None:
    """No two streams share a name, and a second look gives the same names."""
    with subject.open() as connector:
        first = [stream.name for stream in subject.streams(connector)]
        second = [stream.name for stream in subject.streams(connector)]
    for name in first:
        if not isinstance(name, str) or not name:
            raise Problem(f"streams() has a stream with the name {name!r}")
        if first.count(name) > 1:
            raise Problem(f"streams() has {first.count(name)} streams with the name {name!r}")
    if sorted(first) != sorted(second):
        raise Problem(f"streams() gave {', '.join(first)} at first, then {', '.join(second)}")


@check(
    "streams.schema",
    "the rows have the declared schema",
    hint="declare the columns and types that the rows have, or leave the schema out: it is learnt then",
    role="source",
    needs=["extraction.values"],
)
def schema(subject: Subject) -> None:
    """Every column of the rows is declared, and every value fits."""
    if issubclass(subject.kind, BatchSource):
        _check_batches(subject)
        return
    for stream, rows in _having(subject, lambda stream: stream.schema is not None, "a schema"):
        from acme_sdk.columns import RowBatcher

        assert stream.schema is not None  # noqa: S101 - chosen above
        for number, row in enumerate(rows, 1):
            if undeclared := [name for name in row if name not in stream.schema.names]:
                raise Problem(
                    f"stream {stream.name!r}: row {number} has the column {undeclared[0]!r}, "
                    "which its schema does not have"
                )
        for field in stream.schema:
            if all(field.name not in row for row in rows):
                raise Problem(
                    f"stream {stream.name!r}: its schema has the column {field.name!r}, "
                    f"which none of {len(rows):,} rows has"
                )
            if not field.nullable and any(row.get(field.name) is None for row in rows):
                raise Problem(
                    f"stream {stream.name!r}: its schema says that the column {field.name!r} "
                    "is never None, but it is"
                )
        try:
            for _ in RowBatcher(stream.name, schema=stream.schema).batches(rows):
                pass
        except FatalError as error:
            raise Problem(error.message, error.hint) from None


@check(
    "streams.primary_key",
    "the primary key is there, and tells rows apart",
    hint="declare the columns that identify a record; leave primary_key out where there are none",
    role="source",
    needs=["extraction.rows", "streams.names", "streams.partitions"],
)
def primary_key(subject: Subject) -> None:
    """No row lacks a part of the key, no part is ``None``, and no two rows have the same key."""
    for stream, rows in _having(subject, lambda stream: bool(stream.primary_key), "a primary key"):
        seen: dict[str, int] = {}
        for number, row in enumerate(rows, 1):
            for column in stream.primary_key:
                if row.get(column) is None:
                    what = "is None" if column in row else "is missing"
                    raise Problem(
                        f"stream {stream.name!r}: in row {number} the column {column!r}, "
                        f"a part of the primary key, {what}"
                    )
            key = repr(key_of(stream, row))
            if key in seen:
                raise Problem(
                    f"stream {stream.name!r}: rows {seen[key]} and {number} have the same primary key "
                    f"({', '.join(stream.primary_key)})"
                )
            seen[key] = number


@check(
    "streams.cursor",
    "the cursor field is there, and is the record's own",
    hint="declare a column that changes when the record does, such as updated_at, and never else",
    role="source",
    needs=["extraction.columns", "streams.primary_key"],
)
def cursor(subject: Subject) -> None:
    """Its values can be put in order; a record that did not change keeps its value."""
    for stream, rows in _having(subject, lambda stream: stream.cursor_field is not None, "a cursor field"):
        for field in cursor_columns(stream.cursor_field):
            _check_cursor(subject, stream, rows, field)


@check(
    "streams.partitions",
    "the parts of a stream make up the whole, once",
    hint="read only what position.partition says, and let partitions() leave no gap",
    role="source",
    needs=["extraction.repeatable"],
)
def partitions(subject: Subject) -> None:
    """Parts have names of their own, no row is in two, and none of the whole is missing."""
    found = False
    with subject.open() as connector:
        for stream in subject.streams(connector):
            if isinstance(connector, BatchSource) or not (parts := list(connector.partitions(stream))):
                continue
            found = True
            _check_parts(subject, connector, stream, parts)
    if not found:
        raise Skip("no stream has partitions")


@check(
    "streams.order",
    "rows come in the order that is declared",
    hint="ask the target to sort by the cursor field, on every page; or do not declare the stream as ordered",
    role="source",
    needs=["streams.cursor"],
)
def order(subject: Subject) -> None:
    """In each part of an ordered stream, the cursor never goes down."""
    for stream, rows in _having(subject, lambda stream: stream.ordered, "an order"):
        if stream.cursor_field is None:
            raise Problem(
                f"stream {stream.name!r} is declared as ordered, and has no cursor field to be ordered by"
            )
        cursor = Cursor.of(cursor_columns(stream.cursor_field), rows)
        assert cursor is not None  # noqa: S101 - streams.cursor passed
        with subject.open() as connector:
            for where, part in _in_parts(subject, connector, stream, rows):
                _must_ascend(where, cursor, part)


def _check_cursor(subject: Subject, stream: Stream, rows: list[Row], field: str) -> None:
    values = [row[field] for row in rows if row.get(field) is not None]
    if not values:
        what = "is None in every row" if any(field in row for row in rows) else "is in none of the rows"
        raise Problem(f"stream {stream.name!r}: the cursor field {field!r} {what}")
    if Cursor.of([field], rows) is None:
        kinds = sorted({type(value).__name__ for value in values})
        raise Problem(
            f"stream {stream.name!r}: the cursor field {field!r} holds {' and '.join(kinds)}, "
            "which have no order",
            "a cursor is a column of numbers, text, dates or times",
        )
    if not stream.primary_key:
        return
    before = {identity(stream, row): row[field] for row in rows}
    for row in subject.again.kept.get(stream.name, []):
        if (name := identity(stream, row)) in before and row.get(field) != before[name]:
            raise Problem(
                f"stream {stream.name!r}: the same record had another value in its cursor field "
                f"{field!r} when it was read a second time"
            )


def _check_batches(subject: Subject) -> None:
    """Batches have schemas of their own, to be the very same."""
    with subject.open() as connector:
        for stream in subject.streams(connector):
            for batch in connector.extract_batches(stream):
                if stream.schema is not None and not batch.schema.equals(stream.schema):
                    raise Problem(
                        f"stream {stream.name!r}: a batch has the columns {_shown(batch.schema)}, "
                        f"the schema {_shown(stream.schema)}"
                    )


def _shown(schema: Any) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def _check_parts(
    subject: Subject, connector: SourceConnector, stream: Stream, parts: list[Partition]
) -> None:
    where = f"stream {stream.name!r}"
    labels = [part.name for part in parts if isinstance(part, Partition)]
    if len(labels) != len(parts):
        raise Problem(f"{where}: partitions() returned what is no Partition")
    if doubled := next((label for label in labels if labels.count(label) > 1), None):
        raise Problem(f"{where}: two partitions have the name {doubled!r}")
    again = [part.name for part in connector.partitions(stream)]
    if sorted(again) != sorted(labels):
        raise Problem(f"{where}: the same data gives other partitions the second time")
    home: dict[Any, str] = {}
    for part in parts:
        for row in _rows(subject.read_part(connector, stream, Position(partition=part))):
            if not stream.primary_key:
                home.setdefault(identity(stream, row), part.name)
                continue
            name = home.setdefault(identity(stream, row), part.name)
            if name != part.name:
                raise Problem(f"{where}: a row is in the partitions {name!r} and {part.name!r}")
    try:
        whole = list(_rows(subject.read_part(connector, stream, Position())))
    except Exception:  # noqa: BLE001 - a source may be readable in parts alone
        return
    lost = [name for name in identities(stream, whole) if name not in home]
    # Where rows are told apart by all that is in them, a column that changes makes each of them new.
    if lost and (stream.primary_key or len(lost) < len(whole)):
        raise Problem(f"{where}: {len(lost):,} of {len(whole):,} rows are in none of its partitions")


def _in_parts(
    subject: Subject, connector: SourceConnector, stream: Stream, rows: list[Row]
) -> Iterator[tuple[str, Iterable[Row]]]:
    """Yield the rows of each part of a stream, and how a message about them begins."""
    where = f"stream {stream.name!r}"
    parts = () if isinstance(connector, BatchSource) else connector.partitions(stream)
    if not parts:
        yield where, rows
    for part in parts:
        found = _rows(subject.read_part(connector, stream, Position(partition=part)))
        yield f"{where}, partition {part.name!r}", found


def _must_ascend(where: str, cursor: Cursor, rows: Iterable[Row]) -> None:
    highest = None
    for number, row in enumerate(rows, 1):
        if (value := cursor.value(row)) is None:
            continue
        if highest is not None and cursor.order(value) < cursor.order(highest):
            names = ", ".join(map(repr, cursor.columns))
            raise Problem(f"{where}: {names} goes down from {highest} to {value} in row {number}")
        highest = value


def _rows(items: Iterator[Any]) -> Iterator[Row]:
    yield from (item for item in items if not isinstance(item, Checkpoint))


def _having(
    subject: Subject, wanted: Callable[[Stream], bool], what: str
) -> Iterator[tuple[Stream, list[Row]]]:
    """Yield the streams that declare something, with the rows to hold against it."""
    assert subject.baseline is not None  # noqa: S101 - extracts, the first time
    declaring = [stream for stream in subject.declared if wanted(stream)]
    if not declaring:
        raise Skip(f"no stream declares {what}")
    filled = [(stream, subject.baseline.kept.get(stream.name, [])) for stream in declaring]
    if not any(rows for _, rows in filled):
        raise Skip("there were no rows to look at: use a target that has some")
    yield from ((stream, rows) for stream, rows in filled if rows)
