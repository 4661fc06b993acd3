"""Names and literals in BigQuery's SQL."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b

from google.cloud.bigquery import DatasetReference, TableReference

from acme_sdk.errors import ConfigurationError, FatalError

__all__ = ["check_column", "digest", "quoted", "table_reference", "table_sql", "text_literal"]

_LONGEST_COLUMN = 300  # characters
_LONGEST_TABLE = 1024  # bytes
_FORBIDDEN_IN_COLUMNS = frozenset('!"$()*,./;?@[\\]^`{}~')
_RESERVED_COLUMNS = (
    "_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier",
    "_change_sequence_number", "_change_type", "_change_timestamp",
)  # fmt: skip


def table_reference(text: str, dataset: DatasetReference) -> TableReference:
    """Read ``table``, which is in the dataset, or ``dataset.table``, which is in another one of its project.

    Raises:
        ConfigurationError: BigQuery has no tables of such a name (code ``name.invalid``).
    """
    other, dot, name = text.partition(".")
    if not dot:
        other, name = dataset.dataset_id, text
    if not (other.isascii() and other.replace("_", "").isalnum()) or not _is_table_name(name):
        raise ConfigurationError(
            f"table {text!r}: BigQuery has no tables of such a name",
            code="name.invalid",
            hint="set the stream's table to letters, digits, _, - and spaces, or to dataset.table",
        )
    return DatasetReference(dataset.project, other).table(name)


def check_column(name: str) -> None:
    """Refuse a column name that BigQuery cannot hold as it is.

    Raises:
        FatalError: Code ``column.name``.
    """
    bad = sorted({c for c in name if c in _FORBIDDEN_IN_COLUMNS or unicodedata.category(c)[0] == "C"})
    if bad:
        problem = f"has {', '.join(map(repr, bad))} in it"
    elif not name or name != name.strip():
        problem = "is empty or begins or ends with a space"
    elif len(name) > _LONGEST_COLUMN:
        problem = f"is longer than {_LONGEST_COLUMN} characters"
    elif name.lower().startswith(_RESERVED_COLUMNS):
        problem = "begins like a column of BigQuery's own"
    else:
        return
    raise FatalError(
        f"column {name[:_LONGEST_COLUMN]!r}: {problem}, which BigQuery does not allow",
        code="column.name",
        hint="rename it in the source, e.g. by a view",
    )


def digest(*parts: str) -> str:
    """Return letters and digits that stand for some names, in the name of a table of ours."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def quoted(name: str) -> str:
    """Return a checked name for a statement."""
    return f"`{name}`"


def table_sql(table: TableReference) -> str:
    """Return a table's full name for a statement."""
    return ".".join(quoted(part) for part in (table.project, table.dataset_id, table.table_id))


def text_literal(text: str | None) -> str:
    """Return text as a literal of type ``STRING``."""
    if text is None:
        return "CAST(NULL AS STRING)"
    for char, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(char, escape)
    return f'"{text}"'


def _is_table_name(name: str) -> bool:
    return 0 < len(name.encode()) <= _LONGEST_TABLE and all(
        (category := unicodedata.category(c))[0] in "LMN" or category in ("Pc", "Pd", "Zs") for c in name
    )
