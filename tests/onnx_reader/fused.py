"""Models of one operator of onnxruntime's own, and their answers by onnxruntime and by what is emitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pytest

from converter.emitters.onnx import to_model
from tests.emitted import judge, read, run

TARGETS = ("pytorch", "keras", "onnx")
Array = np.ndarray


@dataclass
class Weight:
    """An input that the file holds."""

    array: Array


@dataclass
class Form:
    """One node. ``inputs`` are arrays (None: left out); ``outputs`` tells which of them are asked for, by a 1 each."""

    op_type: str
    inputs: Sequence[Array | Weight | None]
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: str = "1"
    domain: str = "com.microsoft"
    opset: int = 17

    def __str__(self) -> str:
        inputs = ["-" if i is None else "w" if isinstance(i, Weight) else "x".join(map(str, i.shape)) for i in self.inputs]
        attributes = [f"{name}={value}" for name, value in self.attributes.items()]
        return ",".join([self.op_type, *inputs, *attributes, *([self.outputs] if self.outputs != "1" else [])])

    @property
    def feeds(self) -> dict[str, Array]:
        return {f"x{index}": array for index, array in enumerate(self.inputs) if isinstance(array, np.ndarray)}

    def model(self) -> onnx.ModelProto:
        names = ["" if value is None else f"x{index}" for index, value in enumerate(self.inputs)]
        outputs = [f"y{index}" if asked == "1" else "" for index, asked in enumerate(self.outputs)]
        node = onnx.helper.make_node(self.op_type, names, outputs, name="fused", domain=self.domain, **self.attributes)
        kind = onnx.helper.np_dtype_to_tensor_dtype
        infos = [onnx.helper.make_tensor_value_info(name, kind(a.dtype), a.shape) for name, a in self.feeds.items()]
        weights = [(name, value) for name, value in zip(names, self.inputs, strict=True) if isinstance(value, Weight)]
        tensors = [onnx.numpy_helper.from_array(value.array, name) for name, value in weights]
        results = [onnx.ValueInfoProto(name=name) for name in outputs if name]
        for info in results[3:]:  # onnxruntime does not infer the type of a fourth output
            info.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        graph = onnx.helper.make_graph([node], "test", infos, results, tensors)
        imports = [onnx.helper.make_opsetid("", self.opset), onnx.helper.make_opsetid("com.microsoft", 1)]
        return onnx.helper.make_model(graph, opset_imports=imports, ir_version=10)


def answers(form: Form, target: str) -> list[tuple[Array, Array]]:
    """Each output as onnxruntime gives it for the file, and as the target does."""
    expected = judge(form.model(), form.feeds)
    graph = read(form.model())
    found = judge(to_model(graph), form.feeds) if target == "onnx" else run(graph, target, form.feeds)
    for want, have in zip(expected, found, strict=True):
        assert have.shape == want.shape
        assert have.dtype == want.dtype
    return list(zip(expected, found, strict=True))


def assert_close(form: Form, target: str) -> None:
    """1e-5 of the output's scale apart at most."""
    for want, have in answers(form, target):
        assert np.isfinite(want).all(), "onnxruntime's own answer proves nothing"
        np.testing.assert_allclose(have, want, rtol=0, atol=1e-5 * np.abs(want).max(initial=1e-6))


def assert_within_a_quantum(form: Form, target: str) -> None:
    """Integers one apart at most, and hardly any of them."""
    for want, have in answers(form, target):
        apart = np.abs(have.astype(int) - want.astype(int))
        assert apart.max(initial=0) <= 1
        assert np.count_nonzero(apart) <= 0.02 * apart.size
        assert np.unique(want).size > 4, "nearly constant numbers prove nothing"


def parametrize(forms: Sequence[Form]) -> Any:
    """Each form in each target."""
    cases = [pytest.param(form, target, id=f"{form}-{target}") for form in forms for target in TARGETS]
    return pytest.mark.parametrize(("form", "target"), cases)
