"""The nine real topologies after reading and normalising: clean, and the same to onnxruntime at batch 1 and 3."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from converter.emitters.onnx import to_model
from tests import topologies
from tests.onnx_reader.models import read_normalised

CLASSIFIER = {
    "densenet121": ["GlobalAveragePool", "Conv"],
    "squeezenet": ["GlobalAveragePool", "Softmax"],
    "shufflenet": ["Flatten", "Gemm", "Softmax"],
}


def _session(model) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", topologies.NAMES)
def test_is_clean_and_equal(name, tmp_path):
    model = topologies.seeded(name, 0)
    graph = read_normalised(model, tmp_path)
    (tmp_path / "model.onnx").unlink()
    operators = [node.op_type for node in graph.nodes]
    assert not {"ConstantOfShape", "Unsqueeze", "Shape", "Cast", "Identity"} & set(operators)
    assert "Reshape" not in operators
    assert ("ChannelShuffle" in operators) == (name == "shufflenet")
    expected = CLASSIFIER.get(name, ["Gemm", "Softmax"])
    assert operators[-len(expected) :] == expected
    assert [value.shape[0] for value in [*graph.inputs, *graph.outputs]] == ["batch", "batch"]
    assert not graph.notes
    assert all(value.weight.trainable for value in graph.weights() if value.dtype == np.float32 and value.shape)

    original, ours = _session(model), _session(to_model(graph))
    images = topologies.inputs(model, 1, batch=3)
    alone = [original.run(None, {key: value[index : index + 1] for key, value in images.items()})[0] for index in range(3)]
    together = ours.run(None, images)[0]
    assert np.std(together) > 1e-4 * np.max(np.abs(together))
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["bvlc_alexnet", "densenet121"])
def test_weights_written_as_constants_of_shape(name, tmp_path):
    """As they lie in the wheel: each ConstantOfShape becomes a trainable weight that takes no memory before it is read."""
    graph = read_normalised(topologies.original(name), tmp_path)
    assert "ConstantOfShape" not in {node.op_type for node in graph.nodes}
    assert all(value.weight.trainable for value in graph.weights() if value.dtype == np.float32 and value.shape)
