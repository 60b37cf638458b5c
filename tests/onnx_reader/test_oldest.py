"""Forms of operators older than onnxruntime runs, each answered by what the standard said of it then.

The answer is onnxruntime's to the same node in the form of opset 7 where only a hint has gone since, NumPy's elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx.defs
import pytest

from converter.emitters.onnx import to_model
from converter.errors import UnsupportedError
from tests import emitted
from tests.onnx_reader.models import model, node, random, read, read_normalised, run
from tests.onnx_reader.test_opsets import IMAGE, POSITIVE

HINT = {"consumed_inputs": [0]}
"""What frameworks long gone might overwrite."""


@dataclass
class Old:
    """One node at opsets from ``first`` to ``last``; ``answer`` is a function of the inputs or the attributes at opset 7."""

    op_type: str
    inputs: Sequence[Any]
    attributes: dict[str, Any]
    answer: Callable[..., Any] | dict[str, Any]
    first: int = 1
    last: int = 6
    weights: Sequence[Any] = ()
    outputs: int = 1

    def __str__(self) -> str:
        return f"{self.op_type}-{self.first}..{self.last}({','.join(f'{k}={v}' for k, v in self.attributes.items())})"

    def opsets(self) -> list[int]:
        versions = {
            s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.domain == "" and s.name == self.op_type
        }
        return sorted({version for version in versions if self.first <= version <= self.last} | {self.first, self.last})


def _hinted(op_type: str, *inputs: Any, weights: Sequence[Any] = (), **attributes: Any) -> Old:
    return Old(op_type, inputs or [random(2, 3, 4)], HINT | attributes, attributes, last=5, weights=weights)


def _aligned(function: Callable[..., Any], axis: int | None) -> Callable[..., Any]:
    """The function with the second array at ``axis`` of the first, by default at the end."""

    def answer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        start = a.ndim - b.ndim if axis is None else axis
        return function(a, b.reshape(*b.shape, *[1] * (a.ndim - start - b.ndim)))

    return answer


def _broadcast(op_type: str, function: Callable[..., Any], a: np.ndarray, b: np.ndarray, **hint: Any) -> list[Old]:
    """Both of one shape; the second at an axis of the first; and at its end."""
    return [
        Old(op_type, [a, a[::-1].copy()], hint, function),
        Old(op_type, [a, b[:, 0].copy()], hint | {"broadcast": 1, "axis": 1}, _aligned(function, 1)),
        Old(op_type, [a, b[0].copy()], hint | {"broadcast": 1}, _aligned(function, None)),
    ]


A, B = random(2, 3, 4), random(3, 4, seed=1) + 3
WHOLE = np.arange(24).reshape(2, 3, 4) % 5
YES, NO = random(2, 3, 4) > 0, random(3, 4, seed=2) > 0


def _batch_norm(x, scale, bias, mean, variance):
    scale, bias, mean, variance = (array[:, None, None] for array in (scale, bias, mean, variance))
    return (x - mean) / np.sqrt(variance + 1e-5) * scale + bias


STATISTICS = [random(4), random(4, seed=1), random(4, seed=2), np.full(4, 0.7, "f4")]
RECURRENT = {
    kind: [random(1, gates * 4, 3, seed=1), random(1, gates * 4, 4, seed=2), random(1, gates * 8, seed=3)]
    for kind, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4))
}

SEQUENCE = {"hidden_size": 4, "output_sequence": 1}
DOUBLED = {"scales": [1.0, 1.0, 2.0, 1.0], "mode": "linear"}

OLD = [
    *(
        _hinted(op)
        for op in ("Abs", "Ceil", "Elu", "Exp", "Floor", "HardSigmoid", "LeakyRelu", "Neg", "Relu", "Sigmoid", "Tanh")
    ),
    *(_hinted(op, POSITIVE) for op in ("Log", "Reciprocal", "Sqrt")),
    *(_hinted(op, random(2, 3), random(2, 3, seed=1)) for op in ("Max", "Mean", "Min", "Sum")),
    _hinted("Elu", alpha=0.3),
    _hinted("HardSigmoid", alpha=0.3, beta=0.4),
    _hinted("Selu", alpha=1.5, gamma=2.0),
    Old("Selu", [random(2, 3)], {}, {"alpha": 1.6732, "gamma": 1.0507}, last=5),
    _hinted("InstanceNormalization", IMAGE, weights=[random(4), random(4, seed=1)], epsilon=1e-3),
    Old("Clip", [random(2, 3)], HINT, lambda x: x, last=5),
    Old("Clip", [random(2, 3)], {"min": -0.5}, lambda x: np.maximum(x, np.float32(-0.5)), last=10),
    Old("Dropout", [random(2, 3)], HINT | {"is_test": 1}, lambda x: x, last=5),
    Old("Dropout", [random(2, 3)], {"is_test": 1, "ratio": 0.3}, lambda x: x),
    Old("Dropout", [random(2, 3)], {}, lambda x: (x, np.ones_like(x)), outputs=2),
    *(
        case
        for op, function in (("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Div", np.divide))
        for case in _broadcast(op, function, A, B)
    ),
    *(Old(op, [A, A[::-1].copy()], HINT, function, last=5) for op, function in (("Add", np.add), ("Div", np.divide))),
    *(Old(op, [A, A[::-1].copy()], HINT, function, last=5) for op, function in (("Mul", np.multiply), ("Sub", np.subtract))),
    *_broadcast("Pow", np.power, abs(A), B),
    *_broadcast("Greater", np.greater, A, B - 3),
    *_broadcast("Less", np.less, A, B - 3),
    *_broadcast("Equal", np.equal, WHOLE, np.arange(12).reshape(3, 4)),
    *_broadcast("And", np.logical_and, YES, NO),
    *_broadcast("Or", np.logical_or, YES, NO),
    *_broadcast("Xor", np.logical_xor, YES, NO),
    Old("PRelu", [random(2, 3, 4)], {}, lambda x, s: np.where(x < 0, s[:, None] * x, x), weights=[random(3, seed=1)]),
    Old("PRelu", [random(2, 3, 4)], HINT, lambda x, s: np.where(x < 0, s * x, x), weights=[random(1, seed=1)], last=5),
    Old("Gemm", [random(2, 3)], {"broadcast": 1, "transB": 1}, lambda a, b, c: a @ b.T + c, weights=[random(4, 3), random(4)]),
    Old("Gemm", [random(2, 3)], {"alpha": 0.5, "beta": 2.0}, lambda a, b, c: a @ b / 2 + 2 * c, weights=[A[0], random(2, 4)]),
    Old(
        "BatchNormalization",
        [IMAGE],
        {"is_test": 1, "consumed_inputs": [0, 0, 0, 1, 1]},
        _batch_norm,
        last=5,
        weights=STATISTICS,
    ),
    Old("BatchNormalization", [IMAGE], {"is_test": 1}, _batch_norm, first=6, weights=STATISTICS),
    Old("Cast", [random(2, 3) * 9], {"to": "INT32"}, lambda x: x.astype(np.int32), last=5),
    Old("Cast", [random(2, 3)], {"to": "FLOAT16"}, lambda x: x.astype(np.float16), last=5),
    Old("Concat", [random(2, 3, 4), random(2, 1, 4)], {}, lambda a, b: np.concatenate([a, b], 1), last=3),
    Old("Concat", [random(2, 3, 4), random(2, 3, 1)], {"axis": 2}, lambda a, b: np.concatenate([a, b], 2), last=3),
    Old("Pad", [random(2, 3)], {"paddings": [0, 1, 2, 0], "value": 1.5}, {"pads": [0, 1, 2, 0], "value": 1.5}, last=1),
    Old("Pad", [random(2, 3)], {"paddings": [0, 1, 1, 0], "mode": "edge"}, {"pads": [0, 1, 1, 0], "mode": "edge"}, last=1),
    Old("Split", [random(4, 6)], {"axis": 1, "split": [1, 5]}, lambda x: (x[:, :1], x[:, 1:]), last=1, outputs=2),
    Old(
        "Split",
        [random(4, 6)],
        {"axis": 1},
        lambda x, _: (x[:, :2], x[:, 2:]),
        last=1,
        weights=[np.array([2, 4], "f4")],
        outputs=2,
    ),
    Old("Split", [random(4, 6)], {}, lambda x: (x[:2], x[2:]), last=1, outputs=2),
    Old("Reshape", [random(2, 3, 4)], {"shape": [0, -1]}, lambda x: x.reshape(2, 12), last=4),
    Old("Reshape", [random(2, 3, 4)], HINT | {"shape": [4, 6]}, lambda x: x.reshape(4, 6), last=4),
    Old("Tile", [random(2, 3)], {}, lambda x, *_: np.tile(x, (3, 1)), last=5, weights=[np.array(3, "f4"), np.array(0, "f4")]),
    Old("Tile", [random(2, 3)], {}, lambda x, *_: np.tile(x, (1, 2)), last=5, weights=[np.array(2, "f4"), np.array(1, "f4")]),
    Old("Upsample", [IMAGE], {"height_scale": 2.0, "width_scale": 3.0}, {"scales": [1.0, 1.0, 2.0, 3.0]}),
    Old("Upsample", [IMAGE], {"height_scale": 2.0, "width_scale": 1.0, "mode": "bilinear"}, DOUBLED),
    Old("AveragePool", [IMAGE], {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1]}, {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1]}),
    Old("LpPool", [IMAGE], {"kernel_shape": [3, 2], "p": 3.0}, {"kernel_shape": [3, 2], "p": 3}, last=1),
    Old("GlobalLpPool", [IMAGE], {"p": 2.0}, lambda x: np.sqrt((x**2).sum((2, 3), keepdims=True)), last=1),
    *(
        Old(kind, [random(5, 2, 3)], SEQUENCE | {"direction": "forward"}, {"hidden_size": 4}, weights=weights, outputs=2)
        for kind, weights in RECURRENT.items()
    ),
    *(
        Old(kind, [random(5, 2, 3)], SEQUENCE, {"hidden_size": 4}, last=last, weights=RECURRENT[kind], outputs=2)
        for kind, last in (("RNN", 6), ("GRU", 2), ("LSTM", 6))
    ),
]
CASES = [(old, opset) for old in OLD for opset in old.opsets()]


def _proto(old: Old, opset: int, attributes: dict[str, Any]) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    feeds = {f"x{index}": np.asarray(data) for index, data in enumerate(old.inputs)}
    weights = {f"w{index}": np.asarray(data) for index, data in enumerate(old.weights)}
    outputs = [f"y{index}" for index in range(old.outputs)]
    inputs = {name: (data.dtype.type, data.shape) for name, data in feeds.items()}
    return model([node(old.op_type, [*feeds, *weights], outputs, **attributes)], inputs, outputs, weights, opset=opset), feeds


@pytest.mark.parametrize(("old", "opset"), CASES, ids=[f"{old}@{opset}" for old, opset in CASES])
def test_modern_form_answers_as_defined(old, opset, tmp_path):
    proto, feeds = _proto(old, opset, old.attributes)
    if callable(old.answer):
        expected = old.answer(*old.inputs, *old.weights)
        expected = expected if isinstance(expected, tuple) else (expected,)
    else:
        expected = run(_proto(old, 7, old.answer)[0], feeds)
    graph = read_normalised(proto, tmp_path)
    found = emitted.run(graph, "pytorch", feeds) if old.op_type == "GlobalLpPool" else run(to_model(graph), feeds)
    for have, want in zip(found, expected, strict=True):
        assert have.dtype == np.asarray(want).dtype
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("proto", "reason"),
    [
        (model([node("LpPool", ["x"], ["y"], kernel_shape=[2], p=1.5)], {"x": [1, 2, 5]}, ["y"], opset=1), "p = 1.5"),
        (
            model([node("Tile", ["x", "t", "a"], ["y"])], {"x": [2, 3], "t": (), "a": ()}, ["y"], opset=5),
            "an axis that is computed",
        ),
    ],
)
def test_what_cannot_be_lifted_is_refused_by_name(proto, reason, tmp_path):
    with pytest.raises(UnsupportedError, match=reason):
        read(proto, tmp_path)
