"""Small ONNX models for the tests of the reader and the passes, and onnxruntime's answer to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnxruntime

from converter.emitters.onnx import to_model
from converter.graph import Graph
from converter.passes import normalise
from converter.readers import onnx as reader

onnxruntime.set_default_logger_severity(4)
Array = np.ndarray


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str | None] | tuple[type, Sequence[int | str | None]]],
    outputs: Sequence[str],
    weights: Mapping[str, Any] | None = None,
    *,
    opset: int = 21,
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """Inputs are float32 where only a shape is given; outputs are left to inference."""
    infos = []
    for name, spec in inputs.items():
        dtype, shape = spec if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], type) else (np.float32, spec)
        infos.append(onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape))
    tensors = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    graph = onnx.helper.make_graph(list(nodes), "test", infos, [onnx.ValueInfoProto(name=name) for name in outputs], tensors)
    imports = [onnx.helper.make_opsetid("", opset)]
    imports += [onnx.helper.make_opsetid(domain, version) for domain, version in (domains or {}).items()]
    return onnx.helper.make_model(graph, opset_imports=imports, ir_version=8)


def node(op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    return onnx.helper.make_node(op_type, inputs, outputs, name=f"{op_type}_{outputs[0]}", **attributes)


def run(proto: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, dict(feeds))


def read(proto: onnx.ModelProto, folder: Path) -> Graph:
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return reader.read(path)


def read_normalised(proto: onnx.ModelProto, folder: Path) -> Graph:
    graph = read(proto, folder)
    graph.check()
    normalise(graph)
    graph.check()
    return graph


def assert_same_answer(graph: Graph, proto: onnx.ModelProto, feeds: Mapping[str, Array]) -> None:
    """onnxruntime answers the same for the graph's ONNX form as for the file it was read from."""
    for ours, theirs in zip(run(to_model(graph), feeds), run(proto, feeds), strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
