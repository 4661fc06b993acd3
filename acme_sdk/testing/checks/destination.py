"""Does load() write what it is given, and say so truly?"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from acme_sdk.connector import DestinationConnector
from acme_sdk.errors import AcmeError, ConfigurationError
from acme_sdk.load import WriteMode
from acme_sdk.row import Row
from acme_sdk.testing.attempts import load as load_under
from acme_sdk.testing.faults import Answer, Fault, decoded
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.samples import awkward_rows, declared_modes, extreme_rows, hostile_names, sample_rows
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

# An upsert needs a key, and the user's configuration gives none.
_NO_KEY = frozenset({"key.missing", "primary_key.missing"})
# What a destination raises that does not want something, rather than failing at it.
_REFUSALS = (AcmeError, ValueError, NotImplementedError)
_COUNTS = re.compile(r"row|writ|insert|load|count|accept|success|record|affected|saved|stored", re.IGNORECASE)
_PARTIAL_ROWS = 7


@check(
    "destination.count",
    "load() returns how many rows it wrote",
    hint='return the number of rows that the target confirmed: `return response.json()["rows_written"]`',
    role="destination",
    needs=["lifecycle.setup"],
)
def count(subject: Subject) -> None:
    """Three rows are written, and counted as three."""
    with subject.open() as connector:
        _load(connector, sample_rows(3), _modes(subject)[0])


@check(
    "destination.empty",
    "an empty batch is taken, and counted as 0 rows",
    hint="return 0 for an empty list, before anything is asked of the target",
    role="destination",
    needs=["destination.modes"],
)
def empty(subject: Subject) -> None:
    """An extraction without news is no error."""
    with subject.open() as connector:
        for mode in _modes(subject):
            _load(connector, [], mode)


@check(
    "destination.modes",
    "every declared write mode works",
    hint="name in `write_modes` only what load() does: `write_modes = frozenset({WriteMode.APPEND})`",
    role="destination",
    needs=["destination.count"],
)
def modes(subject: Subject) -> None:
    """Each of `write_modes` takes rows."""
    for mode in _modes(subject):
        with subject.open() as connector:
            _load(connector, sample_rows(2), mode)


@check(
    "destination.values",
    "None, Unicode and nested values are written",
    hint="let the client library or json do the quoting, never string formatting",
    role="destination",
    needs=["destination.count"],
)
def values(subject: Subject) -> None:
    """Values that are easily got wrong, one batch each."""
    with subject.open() as connector:
        for what, row in awkward_rows().items():
            _load(connector, [row], _modes(subject)[0], what)


@check(
    "destination.extremes",
    "extreme values are written or refused, and do no harm",
    hint="raise what the target says; roll back, so that the next batch can be written",
    role="destination",
    needs=["destination.values"],
)
def extremes(subject: Subject) -> None:
    """Each is counted truly or raises; a plain row can be written afterwards by the same instance."""
    mode = _modes(subject)[0]
    with subject.open() as connector:
        for what, row in extreme_rows().items():
            try:
                _load(connector, [row], mode, what)
            except Problem:
                raise
            except Exception:  # noqa: BLE001 - a target may have limits, as long as they are not passed over
                _load(connector, sample_rows(1), mode, f"nothing special, after {what} was refused")


@check(
    "destination.names",
    "names of columns and tables cannot break a statement",
    hint="quote names, as psycopg.sql.Identifier does, or refuse them with a ConfigurationError",
    role="destination",
    needs=["destination.values"],
)
def names(subject: Subject) -> None:
    """Each is written, or refused on purpose."""
    mode = _modes(subject)[0]
    with subject.open() as connector:
        for what, name in hostile_names().items():
            _load_or_refuse(
                connector, [Row({"id": 1, "name": "a", name: "b"})], mode, f"{what} in a column's name"
            )
            _load(connector, sample_rows(1), mode, f"nothing special, after {what} in a column's name")
    if subject.schema.get("table", {}).get("type") == "string" and "table" in subject.config:
        config = {**subject.config, "table": f"{subject.config['table']}\"; select 'x"}
        try:
            with subject.open(config) as connector:
                _load_or_refuse(connector, sample_rows(1), mode, "quotes in the table's name")
        except _REFUSALS:
            return


@check(
    "destination.columns",
    "a later batch may have other columns",
    hint="take the columns of every batch, and None for those that a row does not have",
    role="destination",
    needs=["destination.count"],
)
def columns(subject: Subject) -> None:
    """The second batch has a column more and one less; so have two rows of one batch."""
    mode = _modes(subject)[0]
    batches = {
        "a new column in a later batch": [Row({"id": 2, "name": "b", "added": "new"})],
        "a column less in a later batch": [Row({"id": 3})],
        "different columns in one batch": [Row({"id": 4, "name": "d"}), Row({"id": 5, "added": "e"})],
    }
    with subject.open() as connector:
        _load(connector, sample_rows(1), mode)
        for what, rows in batches.items():
            _load_or_refuse(connector, rows, mode, what)


@check(
    "destination.repeat",
    "the same batch can be loaded twice",
    hint="the engine hands over a batch again when it cannot know if it was written",
    role="destination",
    needs=["destination.modes"],
)
def repeat(subject: Subject) -> None:
    """In each write mode, by one instance and by a new one."""
    for mode in _modes(subject):
        for _ in range(2):
            with subject.open() as connector:
                _load(connector, sample_rows(3), mode)
                _load(connector, sample_rows(3), mode, "nothing new")


@check(
    "destination.untouched",
    "load() leaves the rows as they are",
    hint="copy what you change: `payload = [row.to_dict() for row in rows]`",
    role="destination",
    needs=["destination.values", "destination.modes"],
)
def untouched(subject: Subject) -> None:
    """The engine may need them again: for another attempt, or to say which one was refused."""
    for mode in _modes(subject):
        with subject.open() as connector:
            given = [*sample_rows(2), *awkward_rows().values()]
            rows, before = list(given), copy.deepcopy(given)
            _call(connector, rows, mode)
            if len(rows) != len(before) or any(
                now is not then for now, then in zip(rows, given, strict=True)
            ):
                raise Problem(f"load() changed the list of rows that it was given, in mode {mode.value}")
            changed = next((n for n, (a, b) in enumerate(zip(given, before, strict=True), 1) if a != b), None)
            if changed is not None:
                raise Problem(f"load() changed row {changed} that it was given, in mode {mode.value}")


@check(
    "destination.partial",
    "rows that the target did not write are not counted",
    hint="return the number that the target confirmed; `self.reject(row, reason)` puts the others aside",
    role="destination",
    needs=["http.load_refused"],
)
def partial(subject: Subject) -> None:
    """The target's answer says that it wrote one row less than it was given."""
    lowered = False

    def one_less(answer: Answer) -> Answer:
        nonlocal lowered
        try:
            document = json.loads(decoded(answer))
        except ValueError:
            return answer
        changed = _with_one_less(document)
        lowered = lowered or changed != document
        headers = {
            name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"
        }
        return Answer(answer.status, headers, json.dumps(changed).encode())

    attempt = load_under(subject, Fault(None, spoil=one_less), rows=_PARTIAL_ROWS)
    if not lowered:
        raise Skip("the target's answers by self.http do not say how many rows were written")
    if attempt.error is None and attempt.written == _PARTIAL_ROWS:
        raise Problem(
            f"the target said that it wrote {_PARTIAL_ROWS - 1} of {_PARTIAL_ROWS} rows, "
            f"and load() returned {_PARTIAL_ROWS}"
        )


@check(
    "destination.stored",
    "what was written can be read back",
    hint="compare what load() sends with what read_back() returns",
    role="destination",
    needs=["destination.values"],
)
def stored(subject: Subject) -> None:
    """Rows that were appended are there afterwards, equal."""
    if WriteMode.APPEND not in _modes(subject):
        raise Skip(f"{subject.kind.__name__} has no mode append")
    rows = [*sample_rows(3, _own_ids(subject)), *awkward_rows().values()]
    with subject.open() as connector:
        before = Counter(map(_comparable, _read_back(connector)))
        for row in rows:
            _call(connector, [row], WriteMode.APPEND)
        after = Counter(map(_comparable, _read_back(connector)))
    for row in rows:
        if after[_comparable(row)] <= before[_comparable(row)]:
            raise Problem(f"a row was written, and was not there when it was read back: {dict(row)!r}")


@check(
    "destination.upsert",
    "the same batch twice by upsert is there once",
    hint="replace the row that has the same key",
    role="destination",
    needs=["destination.modes"],
)
def upsert(subject: Subject) -> None:
    """Two loads of the same keys leave one row each, the later one."""
    if WriteMode.UPSERT not in _modes(subject):
        raise Skip(f"{subject.kind.__name__} has no mode upsert")
    start = _own_ids(subject)
    with subject.open() as connector:
        _read_back(connector)
        for suffix in ("first", "second"):
            rows = [Row({**row, "name": suffix}) for row in sample_rows(3, start)]
            _call(connector, rows, WriteMode.UPSERT)
        found = [row for row in _read_back(connector) if start <= _number(row.get("id")) < start + 3]
    if len(found) != 3:
        raise Problem(f"3 rows were upserted twice, and {len(found)} were read back")
    if any(row.get("name") != "second" for row in found):
        raise Problem("rows were upserted twice with the same keys, and not the later ones were read back")


@check(
    "destination.overwrite",
    "after overwriting only the new rows are there",
    hint="remove what was there before, in the same transaction",
    role="destination",
    needs=["destination.modes"],
)
def overwrite(subject: Subject) -> None:
    """A second overwrite leaves nothing of the first."""
    if WriteMode.OVERWRITE not in _modes(subject):
        raise Skip(f"{subject.kind.__name__} has no mode overwrite")
    with subject.open() as connector:
        _read_back(connector)
        _call(connector, sample_rows(3), WriteMode.OVERWRITE)
        _call(connector, sample_rows(2, 4), WriteMode.OVERWRITE)
        found = [_number(row.get("id")) for row in _read_back(connector)]
    if sorted(found) != [4, 5]:
        raise Problem(f"the rows 4 and 5 were written over what was there; read back were {len(found)} rows")


def _modes(subject: Subject) -> list[WriteMode]:
    """The declared write modes, append first: what can be added does not depend on what is there."""
    assert issubclass(subject.kind, DestinationConnector)  # noqa: S101 - the check is for this role
    modes = declared_modes(subject.kind)
    if not modes:
        raise Problem(f"{subject.kind.__name__}.write_modes is empty: there is no way to load")
    return modes


def _call(connector: DestinationConnector, rows: list[Row], mode: WriteMode) -> Any:
    try:
        return connector.load(rows, mode)
    except ConfigurationError as error:
        if error.code not in _NO_KEY:
            raise
        raise Skip(error.message) from None


def _load(connector: DestinationConnector, rows: list[Row], mode: WriteMode, what: str = "") -> None:
    written = _call(connector, list(rows), mode)
    given = f"{len(rows)} row{'' if len(rows) == 1 else 's'}" + (f" with {what}" if what else "")
    if isinstance(written, bool) or not isinstance(written, int):
        raise Problem(
            f"load() returned {type(written).__name__} for {given} in mode {mode.value}, not an int"
        )
    if written != len(rows):
        raise Problem(f"load() returned {written} for {given} in mode {mode.value}")


def _load_or_refuse(connector: DestinationConnector, rows: list[Row], mode: WriteMode, what: str) -> None:
    try:
        _load(connector, rows, mode, what)
    except (Problem, Skip):
        raise
    except _REFUSALS:
        return
    except Exception as error:
        raise Problem(f"{what} ended in {type(error).__name__}: {error}") from error


def _read_back(connector: DestinationConnector) -> list[Mapping[str, Any]]:
    """What the target has now, by a method that authors may write for the harness."""
    if type(connector).read_back is DestinationConnector.read_back:
        raise Skip(f"{type(connector).__name__} has no read_back(), which would return the target's rows")
    return list(connector.read_back())


def _own_ids(subject: Subject) -> int:
    """The first of some ids that no earlier run has used, most likely."""
    return subject.chance("ids").randrange(10**6, 2**31 - 10)


def _comparable(row: Mapping[str, Any]) -> str:
    """A row as text: without what is ``None``, nested data as the JSON that most targets keep it as."""
    return repr(sorted((name, _plain(value)) for name, value in row.items() if value is not None))


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else value


def _number(value: Any) -> int:
    return int(value) if str(value).lstrip("-").isdigit() else -1


def _with_one_less(document: Any, field: str = "") -> Any:
    """Return a document in which each number that counts the rows is one less."""
    if isinstance(document, dict):
        return {name: _with_one_less(value, name) for name, value in document.items()}
    counts = type(document) is int and document == _PARTIAL_ROWS and _COUNTS.search(field)
    return document - 1 if counts else document
