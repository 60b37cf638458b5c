"""What torch's exporter writes for ``nn.MultiheadAttention`` is that layer again, under the source's keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from converter.emitters import emit
from tests.emitted import assert_equal, pytorch_model, read
from tests.exports.inputs import feeds
from tests.onnx_reader.models import assert_same_answer, read_normalised
from tests.passes.recover.attention_networks import NETWORKS

_CLASS = "torch.nn.modules.activation.MultiheadAttention"


_FOLDER = Path(__file__).parents[3] / "fixtures" / "attention"
_RECOVERED = [name for name in NETWORKS if name.endswith(("batches", "steps", "memory", "both", "weights"))]


def _exported(name: str) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The file that ``fixtures/make_networks.py`` wrote, and inputs for it."""
    network = NETWORKS[name]
    return onnx.load(_FOLDER / f"{name}.onnx"), feeds(network.inputs, network.sizes, seed=0)


@pytest.fixture(params=_RECOVERED)
def name(request):
    return request.param


def test_it_is_one_operator(name, tmp_path):
    proto, arrays = _exported(name)
    graph = read_normalised(proto, tmp_path)
    wanted = "MultiheadAttention" if name.startswith("batches") else "MultiheadAttentionOfSteps"
    assert [each.op_type for each in graph.nodes if each.op_type not in ("Mul",)] == ["LayerNormalization", wanted, "Add"]
    assert_same_answer(graph, proto, arrays)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_both_targets_compute_the_same(name, target):
    proto, arrays = _exported(name)
    assert_equal(proto, target, arrays)


def test_the_state_dict_and_gradients_are_the_originals(name):
    proto, arrays = _exported(name)
    net = NETWORKS[name].module()
    made = emit(read(proto), "pytorch")
    options = ", batch_first=True" if name.startswith("batches") else ""
    assert f"self.attn = nn.MultiheadAttention(12, 3{options})" in made.code
    model = pytorch_model(made)
    model.load_state_dict(net.state_dict(), strict=True)
    for each in (model, net):
        each.train().zero_grad()
        each(*map(torch.from_numpy, arrays.values())).square().sum().backward()
    for (key, have), (_, want) in zip(model.named_parameters(), net.named_parameters(), strict=True):
        rounding = 1e-6 * float(want.grad.abs().max())  # all that the gradient of the keys' bias is
        torch.testing.assert_close(have.grad, want.grad, rtol=1e-4, atol=rounding, msg=key)


def test_keras_turns_no_axes(name):
    code = emit(read(_exported(name)[0]), "keras").code
    assert "layers.MultiHeadAttention(3, 4" in code
    assert name.startswith("steps") or ("transpose" not in code and "Permute" not in code)


def _masked(name: str, *, hidden: float, upper: int = 1) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The export with a mask, of another number, that hides other keys."""
    proto, arrays = _exported(name)
    constants = {node.output[0]: node.attribute[0].t for node in proto.graph.node if node.op_type == "Constant"}
    (number,) = [tensor for tensor in constants.values() if tensor.data_type == 1 and numpy_helper.to_array(tensor) == -1e9]
    number.CopyFrom(numpy_helper.from_array(np.float32(hidden)))
    (triangle,) = [node for node in proto.graph.node if node.op_type == "Trilu"]
    constants[triangle.input[1]].CopyFrom(numpy_helper.from_array(np.array(upper)))
    return proto, arrays


@pytest.mark.parametrize(("upper", "keras"), [(1, "use_causal_mask=True"), (2, "attention_mask=")])
@pytest.mark.parametrize("name", ["batches_mask", "steps_mask"])
def test_a_constant_mask_that_hides_keys(name, upper, keras):
    proto, arrays = _masked(name, hidden=-np.inf, upper=upper)
    made = emit(read(proto), "pytorch")
    assert "attn_mask=self.attn_mask, need_weights=False)[0]" in made.code
    assert keras in emit(read(proto), "keras").code
    assert NETWORKS[name].module().state_dict().keys() < made.weights.keys()
    for target in ("pytorch", "keras"):
        assert_equal(proto, target, arrays)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_a_layer_without_biases(target):
    proto, arrays = _exported("no_bias")
    made = emit(read(proto), target)
    assert f"{'bias' if target == 'pytorch' else 'use_bias'}=False" in made.code
    if target == "pytorch":
        pytorch_model(made).load_state_dict(NETWORKS["no_bias"].module().state_dict(), strict=True)
    assert_equal(proto, target, arrays)


@pytest.mark.parametrize(("name", "hidden", "upper"), [("batches_mask", -1e9, 1), ("steps_mask", -np.inf, 0)])
def test_what_it_does_not_say_stays(name, hidden, upper, tmp_path):
    """A number that scores may outweigh, and a query that sees no key."""
    proto, arrays = _masked(name, hidden=hidden, upper=upper)
    graph = read_normalised(proto, tmp_path)
    assert not any(each.op_type.startswith("Multihead") for each in graph.nodes)
    assert_same_answer(graph, proto, arrays)


def test_other_classes_are_left_alone(tmp_path):
    proto, _ = _exported("batches")
    for node in proto.graph.node:
        for entry in node.metadata_props:
            entry.value = entry.value.replace(_CLASS, "net.Attention")
    assert not any(each.op_type.startswith("Multihead") for each in read_normalised(proto, tmp_path).nodes)


def test_heads_that_are_mixed_are_left_alone(tmp_path):
    """The heads' results are joined in another order: not what the layer does."""
    proto, _ = _exported("batches")
    turned = [node for node in proto.graph.node if node.op_type == "Transpose" and list(node.attribute[0].ints) == [2, 0, 1, 3]]
    assert turned
    for node in turned:
        node.attribute[0].ints[:] = [2, 1, 0, 3]
    graph = read_normalised(proto, tmp_path)
    assert not any(each.op_type.startswith("Multihead") for each in graph.nodes)
