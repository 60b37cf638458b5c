"""The nine real topologies in the onnx wheel, with weights that let a difference show.

In the wheel every weight is a ConstantOfShape, which makes each output one repeated number; an equality on that proves nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = sorted(path.stem.removeprefix("light_") for path in FOLDER.glob("*.onnx"))

# What convolutions and classifier give relative to He's scale, found by trial: residual sums let the signal grow, and the
# softmax at the end should neither vanish nor saturate.
_GAIN = {"resnet50": 0.5, "shufflenet": 0.5}
_CLASSIFIER_GAIN = {
    "bvlc_alexnet": 0.35,
    "densenet121": 2.0,
    "inception_v1": 8.0,
    "inception_v2": 0.2,
    "resnet50": 2.5,
    "shufflenet": 0.25,
    "vgg19": 0.33,
}

_STATISTICS = {
    1: lambda rng, shape: 1 + 0.1 * rng.standard_normal(shape),  # scale
    2: lambda rng, shape: 0.1 * rng.standard_normal(shape),  # bias
    3: lambda rng, shape: 0.1 * rng.standard_normal(shape),  # mean
    4: lambda rng, shape: rng.uniform(0.5, 1.5, shape),  # variance
}


def original(name: str) -> onnx.ModelProto:
    """The model as it lies in the wheel."""
    return onnx.load(FOLDER / f"light_{name}.onnx")


def seeded(name: str, seed: int) -> onnx.ModelProto:
    """The topology with each ConstantOfShape replaced by a random initializer: He-scaled kernels, positive variances."""
    model, rng = original(name), np.random.default_rng(seed)
    graph = model.graph
    shapes = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers = {text: (node, index) for node in reversed(graph.node) for index, text in enumerate(node.input)}
    for node in [node for node in graph.node if node.op_type == "ConstantOfShape"]:
        shape = tuple(int(size) for size in shapes[node.input[0]])
        reader, index = readers[node.output[0]]
        while reader.op_type in ("Unsqueeze", "Reshape"):
            reader, index = readers[reader.output[0]]
        array = _numbers(rng, reader, index, shape, name)
        graph.initializer.append(onnx.numpy_helper.from_array(array.astype(np.float32), node.output[0]))
        graph.node.remove(node)
    unread = {tensor.name for tensor in graph.initializer} - {text for node in graph.node for text in node.input}
    for field in (graph.initializer, graph.input):
        for item in [item for item in field if item.name in unread]:
            field.remove(item)
    return model


def inputs(model: onnx.ModelProto, seed: int, batch: int = 1) -> dict[str, np.ndarray]:
    """Random images with negative values, for the inputs that are no initializers."""
    rng, weights = np.random.default_rng(seed), {tensor.name for tensor in model.graph.initializer}
    return {
        info.name: rng.standard_normal(
            (batch, *(size.dim_value for size in info.type.tensor_type.shape.dim[1:])), dtype=np.float32
        )
        for info in model.graph.input
        if info.name not in weights
    }


def _numbers(rng: np.random.Generator, reader: onnx.NodeProto, index: int, shape: tuple[int, ...], name: str) -> np.ndarray:
    if reader.op_type in ("Conv", "Gemm") and index == 1:
        fan_in = int(np.prod(shape[1:]))  # a Gemm of these files has its weights as (out, in)
        gain = _CLASSIFIER_GAIN.get(name, 1.0) if 1000 in shape else _GAIN.get(name, 1.0)
        return gain * np.sqrt(2 / fan_in) * rng.standard_normal(shape)
    if reader.op_type in ("Conv", "Gemm", "Add"):
        return 0.1 * rng.standard_normal(shape)
    if reader.op_type == "BatchNormalization":
        return _STATISTICS[index](rng, shape)
    if reader.op_type == "Mul":
        return 1 + 0.1 * rng.standard_normal(shape)
    raise ValueError(f"{reader.op_type} reads a ConstantOfShape at input {index}")
