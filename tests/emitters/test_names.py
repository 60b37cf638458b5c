"""Names in a file are data: whatever they are, the emitted code is sound and computes the same."""

import ast

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from converter.emitters.names import snake_case
from tests.emitted import assert_equal, read

HOSTILE = [
    '"""', "\\", "'; import os; os.system('x') #", "x\n    import os", "a\0b", "é\u202e", "\u2028", "{x}", "%s", "name=", "0",
    "", "a.b", "a/b", "a_b", "x", "nn", "F", "torch", "keras", "layers", "ops", "Path", "load_model", "build_model",
    "Weight", "LocalResponseNormalization", "class", "self", "super", "float", "__init__", "__class__", "forward", "training",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("MaxPool", "max_pool"), ("LRN", "lrn"), ("ViTLayer", "vit_layer"), ("ReLU", "relu"), ("ReLU6", "relu6"),
        ("ToRGB", "to_rgb"), ("MBConv", "mb_conv"), ("GoogLeNet", "goog_le_net"),
        ("DeiTBlock", "deit_block"), ("Conv2dNorm", "conv2d_norm"),
    ],
)  # fmt: skip
def test_words_of_a_class_name(name, wanted):
    assert snake_case(name) == wanted


names = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12)), min_size=9, max_size=9)


def model_of(names):
    """Two convolutions, a free-standing weight and a sum, with ``names`` all over; equal names get a number."""
    unique, taken = [], set()
    for index, name in enumerate(names):
        text = name.encode("utf-8", "replace").decode()
        text = f"{text}{index}" if not text or text in taken else text
        taken.add(text)
        unique.append(text)
    graph_name, x, w, b, offset, first, second, third, y = unique
    rng = np.random.default_rng(0)
    weights = {w: (2, 2, 3, 3), b: (2,), offset: (2, 1, 1)}
    nodes = [
        helper.make_node("Conv", [x, w, b], [first], name=unique[2], pads=[1, 1, 1, 1]),
        helper.make_node("Add", [first, offset], [second], name=unique[3]),
        helper.make_node("LRN", [second], [third], name=unique[4], size=3),
        helper.make_node("Add", [third, first], [y], name=unique[5]),
    ]
    shape = ["batch", 2, 4, 5]
    graph = helper.make_graph(
        nodes,
        graph_name,
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(rng.standard_normal(s).astype(np.float32), n) for n, s in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), x


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@example(names=["g", "a\0b", "w", "b", "a.b", "first", "second", "third", "y"])  # an input and a weight of one identifier
@given(names=names)
def test_any_names(target, names):
    from converter.emitters import emit

    model, x = model_of(names)
    code = emit(read(model), target).code
    calls = {ast.unparse(node.func).partition(".")[0] for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
    assert not calls & {"os", "exec", "eval", "__import__"}
    assert_equal(model, target, {x: np.random.default_rng(1).standard_normal((2, 2, 4, 5)).astype(np.float32)})
