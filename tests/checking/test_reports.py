"""JUnit XML, what GitHub Actions reads, and the lines on the console: all that is in a result, and nothing that it breaks."""

import json
from xml.etree import ElementTree

import pytest

from converter.checking.github import annotations, step_summary
from converter.checking.html import html_page
from converter.checking.junit import junit_xml
from converter.checking.results import Result
from converter.checking.words import line_of, summary, text_of
from tests.checking.cases import every_status, report

STRANGE = "a\x1b[31m <b>&amp;\"'| ::error::%0A\n::set-env name=x::y \udcff]]>"

# What Jenkins' junit-10.xsd, the strictest of those that CI systems check against, allows of what is written.
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"},
    "testcase": {"name", "classname", "time"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message", "type"},
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase", "properties", "system-out", "system-err"},
    "testcase": {"failure", "error", "skipped", "system-out", "system-err"},
    "properties": {"property"},
}


@pytest.mark.parametrize("results", [every_status(), every_status(STRANGE), []], ids=["usual", "strange", "none"])
def test_junit_has_the_form_that_ci_reads(results):
    root = ElementTree.fromstring(junit_xml(results).encode("utf-8"))
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
    assert (root.tag, root.get("tests")) == ("testsuites", str(len(results)))


def test_junit_counts_and_tells_each_kind_apart():
    root = ElementTree.fromstring(junit_xml(every_status()))
    assert {name: root.get(name) for name in ("failures", "errors", "time")} == {
        "failures": "1",
        "errors": "2",
        "time": "4.000",
    }
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["specs/a.toml", "specs/b.toml", "specs/c.toml"]
    assert suites["specs/a.toml"].get("errors") == "1" and suites["specs/c.toml"].get("skipped") == "1"
    kinds = [[child.tag for child in case] for case in root.iter("testcase")]
    assert kinds == [[], ["failure"], ["error"], ["error"], ["skipped"]]
    failure = next(root.iter("failure"))
    assert "scores" in failure.get("message") and "NOT EQUAL" in failure.text
    assert "targets: it is missing." in list(root.iter("error"))[1].text
    values = {entry.get("name"): entry.get("value") for entry in next(root.iter("properties"))}
    assert values["onnx.source"] == "model.onnx" and values["onnx.max_relative_error"] == "1e-07"
    assert (values["onnx.cases"], values["pytorch.status"]) == ("1", "not equal")


def test_annotations_name_file_line_and_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    lines = annotations(every_status(str(tmp_path / "specs" / "a.toml")))
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 3
    assert lines[0].startswith("::error file=specs/a.toml,line=3,title=")
    assert "SIGSEGV" in lines[1] and "targets%3A it is missing" not in lines[2] and "targets: it is missing" in lines[2]


def test_warnings_are_annotated():
    results = [Result("a.toml", "m.onnx", "onnx", "equal", report=report(warnings=["it proves little"]), line=2)]
    (line,) = annotations(results)
    assert line.startswith("::warning ") and line.endswith("::it proves little")


def test_nothing_of_a_file_becomes_a_command_of_its_own():
    lines = annotations(every_status(STRANGE))
    assert "%250A" in lines[0]
    for line in lines:
        assert "\n" not in line and "\r" not in line
        _, head, message = line.split("::", 2)
        assert "%0A" in message
        assert [part.partition("=")[0] for part in head.partition(" ")[2].split(",")] == ["file", "line", "title"]


def test_the_summary_is_a_table_with_escaped_cells():
    text = step_summary(every_status(STRANGE), 3.0)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 5 and all(row.count("|") == 5 for row in rows)
    assert "<b>" not in text and "1 crashed" in text
    assert text.count("<details>") == 3


def test_a_summary_stays_below_the_limit_of_github():
    results = [Result(f"{i}.toml", "m", "onnx", "crashed", problems=["x" * 10_000]) for i in range(300)]
    assert len(step_summary(results, 1.0).encode()) < 1024 * 1024


def test_the_page_is_written():
    page = html_page(every_status("<script>"))
    assert page.lstrip().lower().startswith("<!doctype html>") and "<script>: " not in page


def test_lines():
    equal, unequal, crashed, refused, _ = every_status()
    assert line_of(equal).plain == "equal  specs/a.toml: model.onnx in onnx, relative error at most 1e-07, 1.5 s"
    assert line_of(unequal).plain.startswith("NOT EQUAL  specs/a.toml: model.onnx in pytorch")
    assert line_of(crashed).plain == "crashed: specs/a.toml: model.onnx in keras: ended by signal SIGSEGV"
    assert line_of(refused).plain == "refused: specs/b.toml\n  - model: it is missing.\n  - targets: it is missing."
    assert "where the error is largest" in text_of(unequal)
    assert summary(every_status(), 2.0) == ("5 checks in 2.0 s: 1 equal, 1 not equal, 1 crashed, 1 refused, 1 not run")


def test_json_holds_no_infinity():
    text = json.dumps([result.to_json() for result in every_status()], allow_nan=False)
    assert [Result.from_json(row) for row in json.loads(text)] == every_status()
