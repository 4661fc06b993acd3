"""Names and literals in BigQuery's SQL."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b

from google.cloud.bigquery import DatasetReference, TableReference

from acme_sdk.errors import ConfigurationError, FatalError
from acme_sdk.names import OWN_PREFIX, NameRule

__all__ = [
    "COLUMN_NAMES",
    "DATASET_NAMES",
    "TABLE_NAMES",
    "check_column",
    "digest",
    "quoted",
    "table_reference",
    "table_sql",
    "text_literal",
]

_FORBIDDEN_IN_COLUMNS = frozenset('!"$()*,./;?@[\\]^`{}~')
_RESERVED_COLUMNS = (
    "_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier",
    "_change_sequence_number", "_change_type", "_change_timestamp",
)  # fmt: skip


def _is_no_space(char: str) -> bool:
    return not char.isspace()


def _in_columns(char: str) -> bool:
    return char not in _FORBIDDEN_IN_COLUMNS and unicodedata.category(char)[0] != "C"


def _in_tables(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LMN" or category in ("Pc", "Pd", "Zs")


def _in_datasets(char: str) -> bool:
    return char == "_" or (char.isascii() and char.isalnum())


#: Which names columns, tables and datasets can have.
COLUMN_NAMES = NameRule(
    300,
    "characters",
    allows=_in_columns,
    begins=_is_no_space,
    ends=_is_no_space,
    reserved=re.compile("|".join(_RESERVED_COLUMNS), re.IGNORECASE),
    folds_case=True,
)
TABLE_NAMES = NameRule(1024, allows=_in_tables, reserved=re.compile(OWN_PREFIX))
DATASET_NAMES = NameRule(1024, allows=_in_datasets, reserved=re.compile(r"_+\Z"))


def table_reference(text: str, dataset: DatasetReference) -> TableReference:
    """Read ``table``, which is in the dataset, or ``dataset.table``, which is in another one of its project.

    Raises:
        ConfigurationError: BigQuery has no tables of such a name (code ``name.invalid``).
    """
    other, dot, name = text.partition(".")
    if not dot:
        other, name = dataset.dataset_id, text
    if DATASET_NAMES.problem(other) or TABLE_NAMES.problem(name):
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
    problem = COLUMN_NAMES.problem(name)
    if problem is not None:
        raise FatalError(
            f"column {name[: COLUMN_NAMES.longest]!r}: it {problem}, which BigQuery does not allow",
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
