"""Each older form of an operator, answered by onnxruntime at its own opset and again in the modern form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx.defs
import onnx.reference
import pytest

from converter.graph import OPSET
from tests import emitted
from tests.onnx_reader.models import assert_same_answer, model, node, random, read, read_normalised, run


@dataclass
class Form:
    """One node, on data of the given shapes or values, at every opset from ``first`` to ``last``."""

    op_type: str
    inputs: Sequence[Any]
    attributes: dict[str, Any] = field(default_factory=dict)
    weights: Sequence[Any] = ()
    first: int = 7
    last: int = OPSET
    outputs: int = 1

    def __str__(self) -> str:
        text = ",".join(f"{name}={value}" for name, value in self.attributes.items())
        return f"{self.op_type}-{self.first}..{self.last}({text})"

    def opsets(self) -> list[int]:
        """The opsets at which the operator changed, within the range, and the range's ends."""
        changes = {
            schema.since_version
            for schema in onnx.defs.get_all_schemas_with_history()
            if schema.domain == "" and schema.name == self.op_type and self.first <= schema.since_version <= self.last
        }
        return sorted(changes | {self.first, self.last})


def _unary(op_type: str, first: int = 7, **attributes: Any) -> Form:
    return Form(op_type, [random(2, 3, 4)], attributes, first=first)


I64 = np.int64
POSITIVE = np.abs(random(2, 3, 4)) + 0.5
IMAGE = random(2, 4, 9, 8)
ROIS = np.array([[0, 1, 5, 7], [2, 2, 8, 6]], np.float32)
_REDUCTIONS = ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"]

FORMS = [
    *(_unary(op) for op in ("Abs", "Ceil", "Exp", "Floor", "Identity", "Neg", "Relu", "Sigmoid")),
    *(_unary(op) for op in ("Softplus", "Softsign", "Tanh", "Shape", "Elu", "HardSigmoid", "LeakyRelu", "Selu")),
    _unary("Elu", alpha=0.3),
    _unary("LeakyRelu", alpha=0.3),
    _unary("HardSigmoid", alpha=0.3, beta=0.4),
    _unary("Erf", 9),
    _unary("HardSwish", 14),
    _unary("Gelu", 20),
    _unary("Gelu", 20, approximate="tanh"),
    _unary("ThresholdedRelu", 10, alpha=0.5),
    *(Form(op, [POSITIVE]) for op in ("Log", "Sqrt", "Reciprocal")),
    *(Form(op, [random(2, 3, 4), random(3, 1)]) for op in ("Add", "Sub", "Mul", "Div")),
    Form("Pow", [POSITIVE, random(4)]),
    *(Form(op, [random(2, 3), random(2, 3, seed=1)]) for op in ("Max", "Min", "Sum", "Mean")),
    *(Form(op, [random(2, 3), random(3, seed=1)], first=9) for op in ("Greater", "Less")),
    Form("Equal", [np.array([1, 2]), np.array([1, 3])]),
    *(Form(op, [np.array([True, False]), np.array([True, True])]) for op in ("And", "Or")),
    Form("Not", [np.array([True, False])]),
    Form("Where", [np.array([True, False])], {}, [random(2), random(2, seed=1)], first=9),
    Form("MatMul", [random(2, 3)], {}, [random(3, 4)]),
    Form("Gemm", [random(2, 3)], {"alpha": 0.5, "beta": 2.0, "transB": 1}, [random(4, 3), random(4)]),
    Form("PRelu", [random(2, 3, 4)], {}, [random(3, 1)]),
    Form("Concat", [random(2, 3), random(2, 1)], {"axis": 1}),
    Form("Concat", [random(2, 3), random(2, 3)], {"axis": -1}, first=11),
    Form("Transpose", [random(2, 3, 4)], {"perm": [1, 2, 0]}),
    Form("Transpose", [random(2, 3)]),
    Form("Flatten", [random(2, 3, 4)], {"axis": 2}),
    Form("Flatten", [random(2, 3, 4)]),
    Form("Gather", [random(3, 4)], {"axis": 1}, [np.array([1, 0])]),
    Form("Cast", [random(2, 3)], {"to": onnx.TensorProto.INT64}),
    Form("Reshape", [random(2, 3, 4)], {}, [np.array([0, -1])]),
    Form("Expand", [random(3, 1)], {}, [np.array([2, 3, 4])], first=8),
    Form("ConstantOfShape", [np.array([2, 3])], {"value": onnx.helper.make_tensor("v", 1, [1], [2.5])}, first=9),
    Form("ConstantOfShape", [np.array([2, 3])], first=9),
    Form("ArgMax", [random(2, 3, 4)], {"axis": 1}),
    Form("ArgMin", [random(2, 3, 4)], {"axis": 2, "keepdims": 0}),
    Form("ArgMax", [np.ones((2, 3), np.float32)], {"select_last_index": 1}, first=12),
    *(Form(op, [random(2, 3, 4)], {"axes": [1, 2], "keepdims": 0}, last=17) for op in _REDUCTIONS),
    *(Form(op, [random(2, 3, 4)], {"axes": [-1]}, first=11, last=17) for op in _REDUCTIONS),
    *(Form(op, [random(2, 3, 4)], last=OPSET) for op in [*_REDUCTIONS, "ReduceSum"]),
    *(Form(op, [POSITIVE], {"axes": [1]}, last=17) for op in ("ReduceLogSum", "ReduceLogSumExp")),
    *(Form(op, [random(2, 3, 4)], {"keepdims": 0}, [np.array([1])], first=18) for op in _REDUCTIONS),
    Form("ReduceSum", [random(2, 3, 4)], {"axes": [0, 2]}, last=12),
    Form("ReduceSum", [random(2, 3, 4)], {}, [np.array([0, 2])], first=13),
    Form("ReduceSum", [random(2, 3, 4)], {"noop_with_empty_axes": 1}, first=13),
    Form("Squeeze", [random(2, 1, 3, 1)], {"axes": [1]}, last=12),
    Form("Squeeze", [random(2, 1, 3, 1)]),
    Form("Squeeze", [random(2, 1, 3, 1)], {}, [np.array([3])], first=13),
    Form("Unsqueeze", [random(2, 3)], {"axes": [0, 3]}, last=12),
    Form("Unsqueeze", [random(2, 3)], {}, [np.array([1])], first=13),
    Form("Slice", [random(4, 5)], {"starts": [1, 0], "ends": [3, -1]}, last=9),
    Form("Slice", [random(4, 5)], {"starts": [-3], "ends": [10**9], "axes": [1]}, last=9),
    Form("Slice", [random(4, 5)], {}, [np.array([4]), np.array([-10]), np.array([1]), np.array([-2])], first=10),
    Form("Split", [random(4, 6)], {"axis": 1, "split": [1, 2, 3]}, last=12, outputs=3),
    Form("Split", [random(4, 6)], {"axis": 1}, last=17, outputs=2),
    Form("Split", [random(4, 6)], {"axis": 0}, [np.array([1, 3])], first=13, outputs=2),
    Form("Split", [random(5, 6)], {"axis": 0, "num_outputs": 2}, first=18, outputs=2),
    Form("TopK", [random(2, 6)], {"k": 3, "axis": 1}, last=9, outputs=2),
    Form("TopK", [random(2, 6)], {"axis": -1}, [np.array([2])], first=10, outputs=2),
    Form("TopK", [random(2, 6)], {"largest": 0}, [np.array([2])], first=11, outputs=2),
    Form("Clip", [random(2, 3)], {"min": -0.5, "max": 0.25}, last=10),
    Form("Clip", [random(2, 3)], {"min": 0.0}, last=10),
    Form("Clip", [random(2, 3)], last=10),
    Form("Clip", [random(2, 3).astype(np.float16)], {"max": 0.25}, last=10),
    Form("Clip", [random(2, 3)], {}, [np.float32(-0.5), np.float32(0.5)], first=11),
    Form("Pad", [random(2, 3)], {"pads": [0, 1, 2, 0], "value": 1.5}, last=10),
    Form("Pad", [random(4, 3)], {"pads": [1, 1, 2, 0], "mode": "reflect"}, last=10),
    Form("Pad", [random(4, 3)], {"pads": [-1, 1, 2, 0], "mode": "edge"}, last=10),
    Form("Pad", [random(2, 3)], {}, [np.array([0, 1, 2, 0]), np.float32(2)], first=11),
    Form("Dropout", [random(2, 3)], {"ratio": 0.3}, last=11),
    Form("Dropout", [random(2, 3)], {}, [np.float32(0.3)], first=12),
    Form("LRN", [IMAGE], {"size": 3, "alpha": 0.01, "beta": 0.6, "bias": 2.0}),
    Form("InstanceNormalization", [IMAGE], {"epsilon": 1e-3}, [random(4), random(4, seed=1)]),
    Form("LayerNormalization", [random(2, 3, 4)], {"axis": 1}, [random(3, 4), random(3, 4, seed=1)], first=17),
    Form("BatchNormalization", [IMAGE], {"epsilon": 1e-3}, [random(4), random(4), random(4), np.full(4, 0.7, "f4")]),
    Form(
        "BatchNormalization",
        [random(2, 3, 4)],
        {"spatial": 0},
        [random(3, 4), random(3, 4, seed=1), random(3, 4, seed=2), np.abs(random(3, 4, seed=3))],
        last=8,
    ),
    *(Form(op, [IMAGE]) for op in ("GlobalAveragePool", "GlobalMaxPool")),
    Form("MaxPool", [IMAGE], {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 0, 1]}),
    Form("MaxPool", [IMAGE], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, first=10),
    Form("MaxPool", [IMAGE], {"kernel_shape": [2, 2], "dilations": [2, 3]}, first=10),
    Form("MaxPool", [IMAGE], {"kernel_shape": [2, 2], "storage_order": 1}, first=8, outputs=2),
    Form("AveragePool", [IMAGE], {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1]}),
    Form("AveragePool", [IMAGE], {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1], "count_include_pad": 1}),
    Form("AveragePool", [IMAGE], {"kernel_shape": [2, 2], "dilations": [2, 1]}, first=19),
    Form("Conv", [IMAGE], {"group": 2, "strides": [2, 1], "pads": [1, 0, 2, 1]}, [random(6, 2, 3, 2), random(6)]),
    Form("Conv", [IMAGE], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, [random(6, 4, 3, 2)]),
    Form("ConvTranspose", [IMAGE], {"strides": [2, 3], "output_padding": [1, 2]}, [random(4, 5, 3, 3), random(5)]),
    *(Form(op, [random(2, 3, 4)], {"axis": axis}) for op in ("Softmax", "LogSoftmax", "Hardmax") for axis in (0, 1, 2)),
    *(Form(op, [random(2, 3, 4)]) for op in ("Softmax", "LogSoftmax", "Hardmax")),
    Form("Softmax", [random(2, 3, 4)], {"axis": -2}, first=11),
    Form("Softmax", [random(2, 5, 1, 1)]),
    Form("Upsample", [IMAGE], {"scales": [1.0, 1.0, 2.0, 3.0], "mode": "nearest"}, last=8),
    Form("Upsample", [IMAGE], {"scales": [1.0, 1.0, 2.0, 3.0], "mode": "linear"}, last=8),
    Form("Upsample", [IMAGE], {"mode": "nearest"}, [np.array([1, 1, 1.5, 2], "f4")], first=9, last=9),
    Form("Upsample", [IMAGE], {"mode": "linear"}, [np.array([1, 1, 1.5, 2], "f4")], first=9, last=9),
    *(
        Form("Resize", [IMAGE], {"mode": mode}, [np.array([1, 1, *scales], "f4")], first=10, last=10)
        for mode in ("nearest", "linear")
        for scales in ((2, 3), (1.5, 1.3), (0.5, 0.7), (0.6, 1.7))
    ),
    Form("Scatter", [random(3, 3)], {}, [np.array([[1, 0, 2]]), random(1, 3, seed=1)], first=9, last=10),
    *(
        Form("GridSample", [IMAGE], {"mode": mode}, [0.9 * np.tanh(random(2, 3, 3, 2))], first=16, last=16)
        for mode in ("bilinear", "bicubic", "nearest")
    ),
    Form(
        "DequantizeLinear", [np.array([[1, 2], [3, 4]], np.uint8)], {}, [np.array([0.5], "f4"), np.array([1], np.uint8)], 10, 12
    ),
    Form("QuantizeLinear", [random(2, 3)], {}, [np.float32(0.05), np.uint8(100)], 10),
    Form("CumSum", [random(2, 3)], {}, [np.array(1)], first=11),
    Form("OneHot", [np.array([0, 2])], {}, [np.array(3), np.array([0, 1], "f4")], first=9),
    Form("DepthToSpace", [IMAGE], {"blocksize": 2}),
    Form("RNN", [random(5, 2, 3)], {"hidden_size": 4}, [random(1, 4, 3), random(1, 4, 4)], outputs=2),
    Form("SpaceToDepth", [random(2, 3, 4, 6)], {"blocksize": 2}),
    Form("GatherND", [random(2, 3, 4)], {}, [np.array([[0, 1], [1, 2]])], first=11),
    Form("ScatterND", [random(4, 3)], {}, [np.array([[2], [0]]), random(2, 3, seed=1)], first=11),
    Form("ScatterElements", [random(3, 3)], {"axis": 1}, [np.array([[1, 0]]), random(1, 2, seed=1)], first=11),
    Form("Range", [np.array(1), np.array(10), np.array(3)], first=11),
    Form("LpPool", [IMAGE], {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 0, 1], "p": 3}),
    Form("LpPool", [IMAGE], {"kernel_shape": [2, 2], "dilations": [2, 1]}, first=18),
    *(
        Form("ConvTranspose", [IMAGE], {"strides": [3, 2], "auto_pad": auto}, [random(4, 5, 4, 3)])
        for auto in ("SAME_UPPER", "SAME_LOWER")
    ),
    Form("Resize", [IMAGE], {"mode": "linear"}, [np.array([], "f4"), np.array([1, 1, 1.5, 0.5], "f4")], first=11),
    Form("DFT", [random(2, 5, 3, 1)], {"axis": 2}, first=17, last=19),
    Form("DFT", [random(2, 5, 3, 1)], {"onesided": 1}, [np.array(4)], first=17, last=19),
    Form("DFT", [random(2, 5, 3, 1)], {}, [np.array(4), np.array(2)], first=20),
    Form("CastLike", [random(2, 3)], {}, [np.array([1])], first=15),
    Form(
        "DequantizeLinear",
        [np.array([[1, 2], [3, 4]], np.uint8)],
        {"axis": 0},
        [np.array([0.5, 2], "f4"), np.array([1, 2], np.uint8)],
        first=13,
    ),
    *(Form("Attention", [random(1, 2, 3, 4, seed=i) for i in range(3)], {"is_causal": causal}, first=23) for causal in (0, 1)),
    Form("LSTM", [random(5, 2, 3)], {"hidden_size": 4}, [random(1, 16, 3), random(1, 16, 4)], outputs=3),
    Form("GRU", [random(5, 2, 3)], {"hidden_size": 4, "direction": "reverse"}, [random(1, 12, 3), random(1, 12, 4)], outputs=2),
]

# onnxruntime has these operators at old opsets and not in the form of today.
LOST = [
    Form("GlobalLpPool", [IMAGE], {"p": 3}, last=21),
    *(
        Form("RoiAlign", [IMAGE], {"output_height": 2, "output_width": 3, "mode": mode}, [ROIS, np.array([0, 1])], 10, 21)
        for mode in ("avg", "max")
    ),
]

CASES = [(form, opset) for form in FORMS for opset in form.opsets()]


def _model(form: Form, opset: int, *, static: bool = True) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    feeds = {f"x{index}": np.asarray(data) for index, data in enumerate(form.inputs)}
    weights = {f"w{index}": np.asarray(data) for index, data in enumerate(form.weights)}
    outputs = [f"y{index}" for index in range(form.outputs)]
    inputs = {
        name: (data.dtype.type, data.shape if static else tuple(None for _ in data.shape)) for name, data in feeds.items()
    }
    return model(
        [node(form.op_type, [*feeds, *weights], outputs, **form.attributes)], inputs, outputs, weights, opset=opset
    ), feeds


@pytest.mark.parametrize(("form", "opset"), CASES, ids=[f"{form}@{opset}" for form, opset in CASES])
def test_modern_form_answers_as_the_old_one(form, opset, tmp_path):
    proto, feeds = _model(form, opset)
    assert_same_answer(read(proto, tmp_path), proto, feeds)
    assert_same_answer(read_normalised(proto, tmp_path), proto, feeds)


@pytest.mark.parametrize(("form", "opset"), [(form, opset) for form in LOST for opset in form.opsets()], ids=str)
def test_emitted_code_answers_as_the_old_form(form, opset):
    proto, feeds = _model(form, opset)
    emitted.assert_equal(proto, "pytorch", feeds)


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form.op_type in ("Softmax", "LogSoftmax", "Hardmax", "Clip", "Pad")], ids=str
)
def test_modern_form_without_known_sizes(form, tmp_path):
    proto, feeds = _model(form, form.first, static=False)
    assert_same_answer(read_normalised(proto, tmp_path), proto, feeds)


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize(("axis", "shape"), [(1, (3,)), (0, (2, 3)), (2, (4,)), (None, (4,)), (None, (3, 4))])
def test_limited_broadcasting(op_type, axis, shape, tmp_path):
    """Opset 6 is older than what onnxruntime runs: the answer is worked out with NumPy."""
    x, y = random(2, 3, 4), random(*shape, seed=1) + 3
    attributes = {"broadcast": 1} | ({} if axis is None else {"axis": axis})
    proto = model([node(op_type, ["x", "y"], ["z"], **attributes)], {"x": x.shape}, ["z"], {"y": y}, opset=6)
    start = 3 - y.ndim if axis is None else axis
    aligned = y.reshape(*y.shape, *[1] * (3 - start - y.ndim))
    function = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[op_type]
    answer = run(_modern(read(proto, tmp_path)), {"x": x})[0]
    np.testing.assert_allclose(answer, function(x, aligned), rtol=1e-6)


def test_slope_for_each_channel(tmp_path):
    x, slope = random(2, 3, 4), random(3, seed=1)
    proto = model([node("PRelu", ["x", "s"], ["y"])], {"x": x.shape}, ["y"], {"s": slope}, opset=6)
    answer = run(_modern(read(proto, tmp_path)), {"x": x})[0]
    np.testing.assert_allclose(answer, np.where(x < 0, slope[:, None] * x, x), rtol=1e-6)


def test_group_scales_become_channel_scales(tmp_path):
    """onnxruntime has no kernel for GroupNormalization-18: its answer is worked out with NumPy."""
    x, scale, bias = random(2, 6, 5), random(3), random(3, seed=1)
    proto = model(
        [node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=3, epsilon=1e-3)],
        {"x": x.shape},
        ["y"],
        {"s": scale, "b": bias},
        opset=18,
    )
    groups = x.reshape(2, 3, -1)
    normal = (groups - groups.mean(-1, keepdims=True)) / np.sqrt(groups.var(-1, keepdims=True) + 1e-3)
    expected = (normal * scale[:, None] + bias[:, None]).reshape(x.shape)
    for graph in (read(proto, tmp_path), read_normalised(proto, tmp_path)):
        np.testing.assert_allclose(run(_modern(graph), {"x": x})[0], expected, rtol=1e-4, atol=1e-5)


def test_softmax_over_one_axis_needs_no_detour(tmp_path):
    proto, _ = _model(Form("Softmax", [random(2, 5, 1, 1)]), 9)
    graph = read(proto, tmp_path)
    assert [entry.op_type for entry in graph.nodes] == ["Softmax"]
    assert graph.nodes[0]["axis"] == 1


def _modern(graph):
    from converter.emitters.onnx import to_model

    return to_model(graph)
