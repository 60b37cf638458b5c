"""The conformance suite of the standard, as the onnx wheel holds it, run through the emitted code."""

from __future__ import annotations

import functools
import re
import warnings
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import onnx
import onnx.backend.test.case.node
from onnx import numpy_helper

from tests import emitted

TARGETS = ("pytorch", "keras")


@dataclass(frozen=True)
class Case:
    """One model with inputs and the outputs that the standard expects of it."""

    name: str
    operator: str
    model: onnx.ModelProto
    data: tuple[tuple[list[Any], list[Any]], ...]
    rtol: float
    atol: float

    def __str__(self) -> str:
        return self.name


@functools.cache
def node_cases() -> tuple[Case, ...]:
    """Every case of the suite's node group; an expanded one counts for the operator whose function body it holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow on purpose, while the suite computes its expectations
        found = onnx.backend.test.case.node.collect_testcases(None)
    operators = {case.name: case.model.graph.node[0].op_type for case in found if len(case.model.graph.node) == 1}
    return tuple(
        Case(
            case.name,
            operators.get(case.name) or operators.get(re.sub(r"_expanded.*", "", case.name), case.name),
            case.model,
            tuple(case.data_sets),
            case.rtol,
            case.atol,
        )
        for case in found
    )


def run(case: Case, target: str) -> None:
    """Convert the case and compare what its code computes with what is expected; raises where they differ.

    Formatting the code takes a third of the time and is tested elsewhere.
    """
    with mock.patch(f"converter.emitters.{target}.formatted", lambda code: code):
        for inputs, outputs in case.data:
            graph = emitted.read(case.model)
            names = [value.name for value in case.model.graph.input]
            feeds = {name: plain(value) for name, value in zip(names, inputs, strict=False)}
            results = emitted.run(graph, target, feeds)
            assert len(results) == len(outputs), f"{len(results)} outputs instead of {len(outputs)}"
            for have, want in zip(results, outputs, strict=True):
                assert_similar(have, plain(want), case)


def plain(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def assert_similar(have: Any, want: Any, case: Case) -> None:
    """Same structure, dtype and shape, and numbers within the case's own tolerance."""
    if isinstance(want, list):
        assert isinstance(have, list | tuple), f"{type(have).__name__} instead of a sequence"
        for one, other in zip(have, want, strict=True):
            assert_similar(one, other, case)
        return
    want = np.asarray(want)
    assert have.dtype == want.dtype, f"dtype {have.dtype} instead of {want.dtype}"
    assert have.shape == want.shape, f"shape {have.shape} instead of {want.shape}"
    if want.dtype == object or want.dtype.kind in "USb":
        np.testing.assert_array_equal(have, want)
        return
    if want.dtype.kind not in "fiuc":  # bfloat16 and the like
        have, want = have.astype(np.float64), want.astype(np.float64)
    np.testing.assert_allclose(have, want, rtol=case.rtol, atol=case.atol)
