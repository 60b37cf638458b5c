"""The record of a check: to JSON and back, and the exit codes."""

import json
import math

import pytest

from converter.checking.results import Result, exit_code
from converter.verification.compare import FLOAT32
from converter.verification.report import Case, OutputReport, Report, Where

REPORT = Report(
    "onnx",
    "onnxruntime",
    [Case("seed 0, batch 1", {"image": (1, 3, 9, 8)}, "normal")],
    {"scores": OutputReport(FLOAT32, math.inf, math.inf, Where("seed 0, batch 1", (0, 2)))},
)


def test_a_result_survives_json():
    result = Result("a.toml", "model.onnx", "onnx", "not equal", 1.5, REPORT, code="x = 1\n", line=3)
    assert Result.from_json(json.loads(json.dumps(result.to_json()))) == result
    refused = Result("a.toml", "", "", "refused", problems=["it is missing."])
    assert Result.from_json(json.loads(json.dumps(refused.to_json()))) == refused


def test_what_is_no_result_is_an_error():
    with pytest.raises(ValueError, match="fine"):
        Result.from_json(Result("a.toml", "", "", "refused").to_json() | {"status": "fine"})
    with pytest.raises(TypeError):
        Result.from_json(Result("a.toml", "", "", "refused").to_json() | {"colour": "red"})


@pytest.mark.parametrize(
    ("statuses", "code"),
    [([], 0), (["equal"], 0), (["equal", "not equal"], 1), (["crashed"], 1), (["not run"], 1), (["refused", "not equal"], 2)],
)
def test_the_worst_result_decides_the_exit_code(statuses, code):
    assert exit_code([Result("a.toml", "", "onnx", status) for status in statuses]) == code
