"""Is the target's answer listened to?"""

from __future__ import annotations

import json
import re
from typing import Any

from acme_sdk.testing.attempts import load
from acme_sdk.testing.faults import Answer, Fault, decoded
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_COUNTS = re.compile(r"row|writ|insert|load|count|accept|success|record|affected|saved|stored", re.IGNORECASE)
_PARTIAL_ROWS = 7


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

    attempt = load(subject, Fault(None, spoil=one_less), rows=_PARTIAL_ROWS)
    if not lowered:
        raise Skip("the target's answers by self.http do not say how many rows were written")
    if attempt.error is None and attempt.written == _PARTIAL_ROWS:
        raise Problem(
            f"the target said that it wrote {_PARTIAL_ROWS - 1} of {_PARTIAL_ROWS} rows, "
            f"and load() returned {_PARTIAL_ROWS}"
        )


def _with_one_less(document: Any, field: str = "") -> Any:
    """Return a document in which each number that counts the rows is one less."""
    if isinstance(document, dict):
        return {name: _with_one_less(value, name) for name, value in document.items()}
    counts = type(document) is int and document == _PARTIAL_ROWS and _COUNTS.search(field)
    return document - 1 if counts else document
