"""The extracted rows in a DuckDB file, to look into."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from acme_sdk.secrets import Redactor
from acme_sdk.testing.extraction import Extraction

__all__ = ["keep_rows"]


def keep_rows(seen: Extraction, file: Path, redactor: Redactor) -> list[str]:
    """Write the rows that were kept of an extraction, one table a stream; return the tables' names.

    Nothing is written when DuckDB is not installed, or there is nothing to write.

    Args:
        seen: The extraction.
        file: The file; it is replaced. Others on this machine cannot read it.
        redactor: Takes out of the rows what a connector should not have put there.
    """
    if not seen.kept or importlib.util.find_spec("duckdb") is None:
        return []
    import duckdb
    import pyarrow as pa

    from acme_sdk.arrow import storage
    from acme_sdk.columns import RowBatcher
    from acme_sdk.errors import FatalError

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".part")
    draft.unlink(missing_ok=True)
    tables = []
    with duckdb.connect(str(draft)) as database:
        for stream, rows in seen.kept.items():
            try:
                batch = RowBatcher(stream).convert([redactor.redact_json(row) for row in rows])
            except FatalError:
                continue  # rows that no column can hold: a check says so
            columns = [storage(column) for column in batch.columns]
            arrow = pa.table(columns, names=batch.schema.names)
            database.register("extracted", arrow)
            quoted = stream.replace('"', '""')
            database.execute(f'CREATE TABLE "{quoted}" AS FROM extracted')
            tables.append(stream)
    draft.chmod(0o600)
    draft.replace(file)
    return tables
