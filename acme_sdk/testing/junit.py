"""Results in JUnit's format, which most CI systems read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from acme_sdk.testing.result import Outcome, Result

__all__ = ["to_junit"]

# XML 1.0 has no way to write these.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(results: Iterable[Result], seconds: float) -> ElementTree[Element]:
    """Return a document with one suite per connector and one case per check.

    Args:
        results: In the order in which they came.
        seconds: How long all of it took.
    """
    root = Element("testsuites", name="acme test-connector", time=f"{seconds:.3f}")
    for connector, group in groupby(results, key=lambda result: result.connector):
        found = list(group)
        counts = {
            "tests": len(found),
            "failures": sum(result.outcome is Outcome.FAILED for result in found),
            "errors": sum(_is_error(result) for result in found),
            "skipped": sum(result.outcome is Outcome.SKIPPED for result in found),
        }
        suite = SubElement(
            root,
            "testsuite",
            name=f"{connector.name} {connector.role}",
            time=f"{sum(result.seconds for result in found):.3f}",
        )
        for name, number in counts.items():
            suite.set(name, str(number))
        for result in found:
            _add_case(suite, result)
    indent(root)
    return ElementTree(root)


def _add_case(suite: Element, result: Result) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=f"{result.connector.name}.{result.id.partition('.')[0]}",
        name=result.id,
        time=f"{result.seconds:.3f}",
    )
    if result.outcome is Outcome.PASSED:
        return
    kind = {Outcome.FAILED: "failure", Outcome.SKIPPED: "skipped"}.get(result.outcome, "error")
    entry = SubElement(case, kind, message=_text(result.message))
    if result.outcome is not Outcome.SKIPPED:
        entry.set("type", str(result.outcome))
        lines = [result.title, f"hint: {result.hint}"]
        lines += [f"at {f.file}:{f.line} in {f.function}: {f.source}" for f in result.frames]
        entry.text = _text("\n".join(lines))


def _is_error(result: Result) -> bool:
    return result.outcome in {Outcome.UNREACHABLE, Outcome.MISCONFIGURED}


def _text(text: str) -> str:
    return _UNSPEAKABLE.sub("\N{REPLACEMENT CHARACTER}", text)
