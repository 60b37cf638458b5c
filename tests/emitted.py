"""Emitted code run in the test's own process, and onnxruntime beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

import converter
from converter.emitters import Emitted, emit
from converter.emitters.stored import to_source, to_stored
from converter.emitters.types import held
from converter.graph import Graph
from converter.operators import refusals
from converter.verification.run import PyTorch, as_tensor, converted


def read(model: onnx.ModelProto) -> Graph:
    """The model as the package reads it from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        graph = converter.read(path)
        for value in graph.weights():
            array = value.array
            value.weight._load = lambda array=array: array  # the file goes away
    return graph


def judge(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What onnxruntime computes for the model as it stands, without its optimiser."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def run(graph: Graph, target: str, feeds: dict[str, np.ndarray], *, same: bool = False) -> list[np.ndarray]:
    """What the emitted code computes, in source axis order in and out."""
    problems = refusals(graph, target)
    assert not problems, [str(problem) for problem in problems]
    emitted = emit(graph, target, same=same)
    arrays = [to_stored(feeds[port.source_name], port, target) for port in emitted.inputs]
    results = (_run_keras if target == "keras" else _run_pytorch)(emitted, arrays)
    return [to_source(result, port, target) for result, port in zip(results, emitted.outputs, strict=True)]


def _namespace(emitted: Emitted) -> dict:
    namespace = {"__name__": "emitted_model"}
    exec(compile(emitted.code, "model.py", "exec"), namespace)
    return namespace


def pytorch_model(emitted: Emitted) -> Any:
    """The emitted module with its weights, in eval mode."""
    import torch

    namespace = _namespace(emitted)
    *_, module = [v for v in namespace.values() if isinstance(v, type) and issubclass(v, torch.nn.Module)]
    model = module().eval()
    model.load_state_dict({key: as_tensor(held(weight.array(), "pytorch")) for key, weight in emitted.weights.items()})
    return model


def _run_pytorch(emitted: Emitted, arrays: list[np.ndarray]) -> list[np.ndarray]:
    return PyTorch.call(pytorch_model(emitted), arrays, len(emitted.outputs))


def fresh_keras_model(emitted: Emitted) -> Any:
    """The emitted model as it is built, under the policy of number types that is in force."""
    return _namespace(emitted)["build_model"]()


def keras_model(emitted: Emitted) -> Any:
    """The emitted model with its weights."""
    import keras

    keras.utils.clear_session(free_memory=False)  # collecting garbage takes most of a test's time
    model = fresh_keras_model(emitted)
    variables = {variable.path: variable for variable in model.variables if "seed_generator" not in variable.path}
    assert variables.keys() == emitted.weights.keys(), variables.keys() ^ emitted.weights.keys()
    for path, weight in emitted.weights.items():
        variables[path].assign(held(weight.array(), "keras"))
    return model


def _run_keras(emitted: Emitted, arrays: list[np.ndarray]) -> list[np.ndarray]:
    import keras

    model = keras_model(emitted)
    results = model(arrays[0] if len(arrays) == 1 else arrays, training=False)
    results = list(results) if len(emitted.outputs) > 1 else [results]
    return [converted(result, keras.ops.convert_to_numpy) for result in results]


def assert_equal(model: onnx.ModelProto, target: str, feeds: dict[str, np.ndarray], *, same: bool = False) -> None:
    """The emitted code's outputs against onnxruntime's: same shape and dtype, 1e-5 of the output's scale apart at most."""
    expected = judge(model, feeds)
    found = run(read(model), target, feeds, same=same)
    for want, have in zip(expected, found, strict=True):
        assert have.shape == want.shape
        assert have.dtype == want.dtype
        scale = np.abs(want[np.isfinite(want)]).max(initial=1e-6)
        np.testing.assert_allclose(have, want, rtol=0, atol=1e-5 * scale)
