"""What torch's exporter writes for ``nn.MultiheadAttention`` is that layer again, under the source's keys."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from converter.emitters import emit
from tests.emitted import assert_equal, pytorch_model, read
from tests.onnx_reader.models import assert_same_answer, read_normalised

_CLASS = "torch.nn.modules.activation.MultiheadAttention"


class Net(nn.Module):
    """Attention of x to itself, or to another tensor, as the exporter sees it inside a network."""

    def __init__(self, *, batch_first: bool, other: str = "", **options):
        super().__init__()
        self.norm = nn.LayerNorm(12)
        self.attn = nn.MultiheadAttention(12, 3, batch_first=batch_first, **options)
        self.other = other
        for parameter in self.attn.parameters():
            nn.init.normal_(parameter, std=0.5)

    def forward(self, x, memory):
        x = self.norm(x)
        mask = torch.triu(torch.full((5, 5), -1e9), 1) if self.other == "mask" else None
        memory = memory if self.other in ("memory", "both") else x
        value = memory * 2 if self.other == "both" else memory
        return x + self.attn(x, memory, value, attn_mask=mask, need_weights=False)[0]


def _exported(**options) -> tuple[Net, onnx.ModelProto, dict[str, np.ndarray]]:
    net = Net(**options).eval()
    x, memory = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    if not options["batch_first"]:
        x, memory = x.transpose(0, 1), memory.transpose(0, 1)
    batch = torch.export.Dim("batch")
    free = {0 if options["batch_first"] else 1: batch}
    program = torch.onnx.export(
        net, (x, memory), dynamo=True, optimize=False, verbose=False, input_names=["x", "memory"],
        dynamic_shapes={"x": free, "memory": free},
    )  # fmt: skip
    proto = program.model_proto
    kept = {each.name for each in proto.graph.input}
    feeds = {"x": x.contiguous().numpy(), "memory": memory.contiguous().numpy()}
    return net, proto, {name: array for name, array in feeds.items() if name in kept}


@pytest.fixture(scope="module", params=[(True, ""), (True, "memory"), (False, ""), (False, "memory"), (True, "both")])
def exported(request):
    batch_first, other = request.param
    return batch_first, _exported(batch_first=batch_first, other=other)


def test_it_is_one_operator(exported, tmp_path):
    batch_first, (_, proto, feeds) = exported
    graph = read_normalised(proto, tmp_path)
    wanted = "MultiheadAttention" if batch_first else "MultiheadAttentionOfSteps"
    assert [each.op_type for each in graph.nodes if each.op_type not in ("Mul",)] == ["LayerNormalization", wanted, "Add"]
    assert_same_answer(graph, proto, feeds)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_both_targets_compute_the_same(exported, target):
    _, (_, proto, feeds) = exported
    assert_equal(proto, target, feeds)


def test_the_state_dict_and_gradients_are_the_originals(exported):
    batch_first, (net, proto, feeds) = exported
    made = emit(read(proto), "pytorch")
    options = ", batch_first=True" if batch_first else ""
    assert f"self.attn = nn.MultiheadAttention(12, 3{options})" in made.code
    model = pytorch_model(made)
    model.load_state_dict(net.state_dict(), strict=True)
    tensors = {name: torch.from_numpy(array) for name, array in feeds.items()}
    for each in (model, net):
        each.train().zero_grad()
        each(
            *(tensors.get(name, torch.zeros(1)) for name in (["x", "memory"] if each is net else feeds))
        ).square().sum().backward()
    for (name, have), (_, want) in zip(model.named_parameters(), net.named_parameters(), strict=True):
        torch.testing.assert_close(have.grad, want.grad, rtol=1e-4, atol=1e-5, msg=name)


def test_keras_turns_no_axes(exported):
    batch_first, (_, proto, _) = exported
    code = emit(read(proto), "keras").code
    assert "layers.MultiHeadAttention(3, 4" in code
    assert not batch_first or ("transpose" not in code and "Permute" not in code)


@pytest.mark.parametrize("options", [{"other": "mask"}, {"bias": False}])
def test_what_it_does_not_say_stays(options, tmp_path):
    _, proto, feeds = _exported(batch_first=True, **options)
    graph = read_normalised(proto, tmp_path)
    assert not any(each.op_type.startswith("Multihead") for each in graph.nodes)
    assert_same_answer(graph, proto, feeds)


def test_other_classes_are_left_alone(tmp_path):
    _, proto, _ = _exported(batch_first=True)
    for node in proto.graph.node:
        for entry in node.metadata_props:
            entry.value = entry.value.replace(_CLASS, "net.Attention")
    assert not any(each.op_type.startswith("Multihead") for each in read_normalised(proto, tmp_path).nodes)


def test_heads_that_are_mixed_are_left_alone(tmp_path):
    """The heads' results are joined in another order: not what the layer does."""
    _, proto, _ = _exported(batch_first=True)
    for node in proto.graph.node:
        if node.op_type == "Transpose" and list(node.attribute[0].ints) == [2, 0, 1, 3]:
            node.attribute[0].ints[:] = [2, 1, 0, 3]
    graph = read_normalised(proto, tmp_path)
    assert not any(each.op_type.startswith("Multihead") for each in graph.nodes)
