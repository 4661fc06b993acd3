"""Which columns a Parquet file can hold, and how several files come to have the same ones."""

from __future__ import annotations

from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq

from acme_sdk.arrow import widen
from acme_sdk.errors import FatalError

__all__ = ["conformed", "in_file", "merged", "storable"]

_KNOWN_EXTENSIONS = {pa.uuid(), pa.json_()}


def storable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose extension types are the ones that Parquet knows too, and text for all others."""
    arrays = [_plain(array) for array in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def merged(known: pa.Schema, seen: pa.Schema) -> pa.Schema:
    """Return the columns that hold the values of two schemas exactly.

    A column that had no value yet is of type ``null``.

    Raises:
        FatalError: A column's types do not go together (code ``schema.type_changed``), Parquet has no such
            type (``type.unsupported``), or a name cannot be a column's (``column.name``).
    """
    if known == seen and known.names:
        return known
    _check_names(known.names, seen.names)
    types = {field.name: field.type for field in known}
    for field in seen:
        before = types.get(field.name, pa.null())
        wide = widen(before, field.type)
        if wide is None:
            raise _changed(field.name, before, field.type)
        if wide != before:
            _check_type(field.name, wide)
        types[field.name] = wide
    return pa.schema(list(types.items()))


def in_file(schema: pa.Schema) -> pa.Schema:
    """Return the schema of the files: text stands in for what has no type yet."""
    return pa.schema(
        [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in schema]
    )


def conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with the columns of a file, each value exactly as it was.

    Args:
        batch: Some of the columns, or all.
        schema: What `in_file` returned.

    Raises:
        FatalError: A value is not exact in the wider type (code ``schema.type_changed``).
    """
    if batch.schema == schema:
        return batch
    own = {field.name: array for field, array in zip(batch.schema, batch.columns, strict=True)}
    arrays = [
        _cast(own[field.name], field) if field.name in own else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast(array: pa.Array, field: pa.Field) -> pa.Array:
    if array.type == field.type:
        return array
    if array.null_count == len(array):
        return pa.nulls(len(array), field.type)
    try:
        return array.cast(field.type)
    except pa.ArrowException:
        raise _changed(field.name, array.type, field.type) from None


def _plain(array: pa.Array) -> pa.Array:
    kind = array.type
    if not isinstance(kind, pa.BaseExtensionType) or kind in _KNOWN_EXTENSIONS:
        return array
    if isinstance(kind, pa.JsonType):
        return pa.ExtensionArray.from_storage(pa.json_(), array.storage.cast(pa.string()))
    if isinstance(kind, pa.Bool8Type):
        return array.storage.cast(pa.bool_())
    return _plain(array.storage)


def _changed(name: str, before: pa.DataType, kind: pa.DataType) -> FatalError:
    return FatalError(
        f"column {name!r} is {before} and cannot hold {kind} exactly",
        code="schema.type_changed",
        hint="give the column one type in the source, or run once with --full-refresh to make the table anew",
    )


def _check_names(known: list[str], seen: list[str]) -> None:
    if not seen:
        raise FatalError("there are no columns", code="column.name", hint="a table has at least one")
    if len(set(seen)) < len(seen):
        twice = next(name for index, name in enumerate(seen) if name in seen[:index])
        raise FatalError(f"there are two columns {twice!r}", code="column.name", hint="rename one of them")
    taken: dict[str, str] = {}
    for name in chain(known, seen):
        if not name or "\0" in name:
            raise FatalError(f"{name!r} cannot be the name of a column", code="column.name", hint="rename it")
        other = taken.setdefault(name.lower(), name)
        if other != name:
            raise FatalError(
                f"the columns {other!r} and {name!r} are one to DuckDB and Spark, whatever their case",
                code="column.name",
                hint="rename one of them in the source",
            )


def _check_type(name: str, kind: pa.DataType) -> None:
    """Try it: pyarrow knows best what it can write, and a file of one column without rows costs nothing."""
    try:
        pq.ParquetWriter(pa.BufferOutputStream(), pa.schema([(name, kind)])).close()
    except pa.ArrowException:
        raise FatalError(
            f"column {name!r}: Parquet has no type for {kind}",
            code="type.unsupported",
            hint="convert the column in the source, or leave it out",
        ) from None
