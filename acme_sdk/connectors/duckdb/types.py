"""Which columns DuckDB can hold, and how a table comes to hold others."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from acme_sdk.arrow import decimal_type, storage, widen
from acme_sdk.connectors.duckdb.database import quoted
from acme_sdk.errors import FatalError

__all__ = ["Column", "check_columns", "columns_of", "make_room", "storable"]

_KNOWN_EXTENSIONS = ("arrow.uuid", "arrow.json", "arrow.bool8")
_MAX_DECIMAL = 38

_SQL_TYPES = {
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
}


@dataclass(frozen=True)
class Column:
    """A column of a table or view.

    Attributes:
        name: Its name as written.
        sql_type: Its type as DuckDB prints it.
        arrow_type: Its type as Arrow has it.
    """

    name: str
    sql_type: str
    arrow_type: pa.DataType


def storable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with each column in the nearest type that DuckDB reads without loss.

    A column that is all ``NULL`` becomes text; `make_room` gives it another type when one is known.

    Raises:
        FatalError: A value has more digits than DuckDB's type for it (code ``load.value``), or a column
            cannot be one of DuckDB's; see `check_columns`.
    """
    check_columns(batch.schema)
    arrays = []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        try:
            arrays.append(_storable(array))
        except pa.ArrowInvalid:
            raise FatalError(
                f"column {field.name!r}: a value of {field.type} does not fit DuckDB's type without loss",
                code="load.value",
                hint="round the values in the source, or pass them as text",
            ) from None
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def check_columns(schema: pa.Schema) -> None:
    """Refuse columns that DuckDB cannot have.

    Raises:
        FatalError: A column's type (code ``type.unsupported``) or name (code ``column.name``).
    """
    _check_names(schema.names)
    for field in schema:
        if not _is_readable(field.type, nested=False):
            raise FatalError(
                f"column {field.name!r}: DuckDB has no type that holds {field.type} exactly",
                code="type.unsupported",
                hint="convert the column in the source, e.g. to text",
            )


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, Column]:
    """Return the columns of a table or view by their names in lower case.

    Args:
        connection: Where the relation is.
        relation: Its name, quoted.
    """
    connection.execute("SET arrow_lossless_conversion = true")
    described = connection.execute(f"DESCRIBE {relation}").fetchall()
    schema = connection.execute(f"SELECT * FROM {relation} LIMIT 0").to_arrow_table().schema  # noqa: S608 - quoted
    return {
        name.lower(): Column(name, sql_type, _plain(field.type))
        for (name, sql_type, *_), field in zip(described, schema, strict=True)
    }


def make_room(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Alter a table until it holds the rows of another exactly: new columns, wider types.

    Args:
        connection: Where both are.
        table: The table, quoted.
        rows: The table or view of the rows, quoted.

    Raises:
        FatalError: A column's types do not go together (code ``schema.type_changed``).
    """
    held = columns_of(connection, table)
    for key, column in columns_of(connection, rows).items():
        if key not in held:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(column.name)} {column.sql_type}")
        elif held[key].sql_type != column.sql_type:
            _widen(connection, table, held[key], rows, column)


def _widen(
    connection: duckdb.DuckDBPyConnection, table: str, held: Column, rows: str, column: Column
) -> None:
    if _is_empty(connection, rows, column.name):
        return
    name = quoted(held.name)
    if _is_empty(connection, table, held.name):
        connection.execute(
            f"ALTER TABLE {table} ALTER {name} SET DATA TYPE {column.sql_type} USING NULL::{column.sql_type}"
        )
        return
    wide = widen(held.arrow_type, column.arrow_type)
    # A type that one of the two has is written as DuckDB writes it there.
    sql_types = {column.arrow_type: column.sql_type, held.arrow_type: held.sql_type}
    sql_type = sql_types.get(wide) or _sql_type(wide)
    exact = _is_exact(connection, table, held, sql_type) and _is_exact(connection, rows, column, sql_type)
    if sql_type is None or not exact:
        raise FatalError(
            f"column {held.name!r} is {held.sql_type} and cannot hold {column.sql_type} exactly",
            code="schema.type_changed",
            hint="change the table's column, or run once with --full-refresh to make the table anew",
        )
    if sql_type != held.sql_type:
        connection.execute(f"ALTER TABLE {table} ALTER {name} SET DATA TYPE {sql_type}")


def _is_empty(connection: duckdb.DuckDBPyConnection, relation: str, name: str) -> bool:
    statement = f"SELECT 1 FROM {relation} WHERE {quoted(name)} IS NOT NULL LIMIT 1"  # noqa: S608 - quoted
    return connection.execute(statement).fetchone() is None


def _is_exact(
    connection: duckdb.DuckDBPyConnection, relation: str, column: Column, sql_type: str | None
) -> bool:
    """Tell whether integers survive as floats; all other types are wide enough for each value."""
    if sql_type != "DOUBLE" or not pa.types.is_integer(column.arrow_type):
        return True
    name = quoted(column.name)
    statement = (
        f"SELECT 1 FROM {relation}"  # noqa: S608 - quoted
        f" WHERE TRY_CAST({name}::DOUBLE AS {column.sql_type}) IS DISTINCT FROM {name} LIMIT 1"
    )
    return connection.execute(statement).fetchone() is None


def _sql_type(kind: pa.DataType | None) -> str | None:
    if kind is not None and pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})" if kind.precision <= _MAX_DECIMAL else None
    return _SQL_TYPES.get(kind)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type as `widen` knows it."""
    if isinstance(kind, pa.OpaqueType) and kind.type_name == "hugeint":
        return pa.decimal128(_MAX_DECIMAL, 0)
    return kind


def _check_names(names: list[str]) -> None:
    taken: dict[str, str] = {}
    for name in names:
        if not name or "\0" in name:
            raise FatalError(f"{name!r} cannot be the name of a column", code="column.name", hint="rename it")
        other = taken.setdefault(name.lower(), name)
        if other is not name:
            raise FatalError(
                f"the columns {other!r} and {name!r} are one to DuckDB, which does not tell cases apart",
                code="column.name",
                hint="rename one of them in the source",
            )
    if not names:
        raise FatalError("there are no columns", code="column.name", hint="DuckDB's tables have at least one")


def _is_readable(kind: pa.DataType, *, nested: bool) -> bool:
    """Tell whether DuckDB reads a type as it is, or once `_storable` has seen to it on the top level."""
    if isinstance(kind, pa.BaseExtensionType):
        return _is_readable(kind.storage_type, nested=nested)
    if pa.types.is_union(kind) or (nested and pa.types.is_float16(kind)):
        return False
    if nested and pa.types.is_decimal(kind):
        return kind.precision <= _MAX_DECIMAL and kind.scale >= 0 and not pa.types.is_decimal256(kind)
    if pa.types.is_dictionary(kind):
        return _is_readable(kind.value_type, nested=nested)
    return all(_is_readable(kind.field(index).type, nested=True) for index in range(kind.num_fields))


def _storable(array: pa.Array) -> pa.Array:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return array if kind.extension_name in _KNOWN_EXTENSIONS else _storable(storage(array))
    if pa.types.is_null(kind):
        return array.cast(pa.string())
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_decimal(kind) and kind.scale < 0:
        whole = decimal_type(kind.precision - kind.scale, 0)
        return array.cast(pa.string()) if whole is None else _storable(array.cast(whole))
    if pa.types.is_decimal256(kind):
        if kind.precision <= _MAX_DECIMAL:
            return array.cast(pa.decimal128(kind.precision, kind.scale))
        # Arrow's own cast would write small numbers with an exponent.
        return pa.array([None if value is None else f"{value:f}" for value in array.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return array.cast(pa.timestamp("us", "UTC"))
    if pa.types.is_duration(kind):
        return array.cast(pa.duration("us"))
    return array
