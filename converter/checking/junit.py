"""JUnit XML, as CI systems read it: a test suite for each spec, a test case for each target."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as Xml

from converter.checking.results import Result
from converter.checking.words import headline, largest_error, text_of

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {"not equal": "failure", "crashed": "error", "refused": "error", "not run": "skipped"}


def junit_xml(results: Sequence[Result]) -> str:
    """The document. Not equal is a failure; crashed and refused are errors; what an interrupted run left is skipped."""
    root = Xml.Element("testsuites", {"name": "converter check"} | _counts(results))
    for path in dict.fromkeys(result.path for result in results):
        own = [result for result in results if result.path == path]
        start = datetime.now(UTC) - timedelta(seconds=sum(result.seconds for result in own))
        counts = _counts(own) | {"skipped": str(sum(_ELEMENTS.get(result.status) == "skipped" for result in own))}
        suite = Xml.SubElement(root, "testsuite", {"name": _text(path)} | counts)
        suite.set("timestamp", start.strftime("%Y-%m-%dT%H:%M:%S"))
        properties = Xml.SubElement(suite, "properties")  # the schema has none in a test case
        for result in own:
            for name, value in _properties(result).items():
                Xml.SubElement(
                    properties, "property", {"name": _text(f"{result.target or 'read'}.{name}"), "value": _text(value)}
                )
        for result in own:
            _case(suite, result)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _case(suite: Xml.Element, result: Result) -> None:
    names = {"name": _text(result.target or "read"), "classname": _text(result.path), "time": f"{result.seconds:.3f}"}
    case = Xml.SubElement(suite, "testcase", names)
    if result.status not in _ELEMENTS:
        return
    text = _text(text_of(result))
    found = Xml.SubElement(case, _ELEMENTS[result.status], {"message": _text(headline(result)), "type": result.status})
    found.text = text


def _properties(result: Result) -> dict[str, str]:
    found = {"source": result.source, "line": str(result.line), "status": result.status}
    if result.resumed:
        found["resumed"] = "true"
    error = largest_error(result)
    if error is not None:
        found["max_relative_error"] = f"{error:.6g}"
    if result.report is not None:
        found |= {"judge": result.report.judge, "cases": str(len(result.report.cases))}
        found |= {f"version.{name}": version for name, version in result.report.versions.items()}
    return found


def _counts(results: Sequence[Result]) -> dict[str, str]:
    kinds = [_ELEMENTS.get(result.status) for result in results]
    counts = {"tests": len(results), "failures": kinds.count("failure"), "errors": kinds.count("error")}
    return {name: str(count) for name, count in counts.items()} | {"time": f"{sum(r.seconds for r in results):.3f}"}


def _text(text: str) -> str:
    """What XML can hold: it has no control characters."""
    return _UNPRINTABLE.sub("\ufffd", text)
