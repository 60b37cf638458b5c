"""The report: what makes it ok, and that nothing is lost on the way through JSON."""

import json
import math

import pytest

from converter.verification.compare import EXACT, FLOAT32, Tolerance
from converter.verification.layers import Blame, Layer, sentence
from converter.verification.report import Case, OutputReport, Report, Where


def test_where_the_code_ends_there_is_no_error_to_tell():
    layer = Layer("conv", "Conv", "", [], "x", (1, 4), 3, "x = conv(x)", math.inf, math.inf, "differs")
    blame = Blame(0, "writing", math.nan, math.nan, (), "seed 0, batch 1", "there the code ends with ValueError: no")
    assert "inf" not in sentence([layer], blame).plain


def report(**changes):
    output = OutputReport(FLOAT32, 1e-7, 2e-7, Where("seed 0, batch 3", (2, 7)), 1.0)
    values = {"cases": [Case("seed 0, batch 3", {"x": (3, 4)}, "normal numbers")], "outputs": {"y": output}} | changes
    return Report("keras", "onnxruntime", **values)


def test_ok_needs_every_output_within_its_tolerance_and_no_finding():
    assert report().ok
    assert not report(findings=["the emitted keras model did not run"]).ok
    assert not report(outputs={}).ok
    assert not report(outputs={"y": OutputReport(FLOAT32, 1, 1.1e-6)}).ok
    assert not report(outputs={"y": OutputReport(EXACT, 1, 1e-9)}).ok
    assert not report(outputs={"y": OutputReport(FLOAT32, problem="its shape is (1,) instead of (2,)")}).ok
    assert not report(probe={"y": OutputReport(FLOAT32, 1, 1.0)}).ok


def test_an_absolute_tolerance_counts_where_it_is_more():
    quantum = Tolerance("one quantum, 1", 0.0, "rounded to integers", 1.0)
    assert report(outputs={"y": OutputReport(quantum, 1, 0.01)}).ok
    assert not report(outputs={"y": OutputReport(quantum, 2, 0.02)}).ok
    assert not report(outputs={"y": OutputReport(quantum, math.nan, math.nan)}).ok


def test_nan_is_not_ok():
    assert not report(outputs={"y": OutputReport(FLOAT32, math.nan, math.nan)}).ok


@pytest.mark.parametrize("error", [2e-7, math.inf])
def test_json_keeps_everything(error):
    first = report(outputs={"y": OutputReport(FLOAT32, error, error, Where("a", (1,)), 0.5, "")}, warnings=["w"])
    text = json.dumps(first.to_json(), allow_nan=False)
    assert Report.from_json(json.loads(text)) == first


@pytest.mark.parametrize("error", [0.5, math.inf])
def test_json_keeps_the_layers_and_the_blame(error):
    layers = [
        Layer("conv1", "Conv", "stem", [], "c", (1, 4, 8, 8), 12, "x = self.conv1(x)", error, error, "differs", 8),
        Layer("shape", "Shape", "", [0], "s", (4,)),
    ]
    first = report(layers=layers, blame=Blame(0, "writing", 1.5, error, (0, 3, 7, 7), "seed 0", "as if the bias were missing"))
    text = json.dumps(first.to_json(), allow_nan=False)
    again = Report.from_json(json.loads(text))
    assert again.layers == layers
    assert again.blame.found == error or math.isnan(again.blame.found)
    assert again.blame.cause == "as if the bias were missing" and again.blame.index == (0, 3, 7, 7)


def test_the_tolerance_of_the_report_is_the_widest():
    assert report(outputs={"a": OutputReport(EXACT), "b": OutputReport(FLOAT32)}).tolerance is FLOAT32
    assert report(outputs={}).tolerance is None
