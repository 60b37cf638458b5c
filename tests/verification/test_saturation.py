"""What onnxruntime's sigmoid is off by is not held against the emitted code, and nothing more."""

import numpy as np
import onnxruntime
from onnx import parser

from converter.graph import Graph, Value
from converter.verification.compare import tolerance_of
from converter.verification.saturation import SIGMOID_ERROR, sigmoid_error


def test_the_error_is_measured():
    proto = parser.parse_model('<ir_version: 8, opset_import: ["": 13]> g (float[n] x) => (float[n] y) { y = Sigmoid(x) }')
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.linspace(-40, 20, 60001).astype(np.float32)
    off = np.abs(session.run(None, {"x": x})[0] - 1 / (1 + np.exp(-x.astype(np.float64)))).max()
    assert SIGMOID_ERROR / 4 < off < SIGMOID_ERROR


def test_it_goes_with_the_numbers():
    graph = Graph("g", inputs=[Value("x", np.float32, (4, 2))])
    score = graph.add("Sigmoid", graph.inputs)
    moved = graph.add("Transpose", [score])
    assert sigmoid_error(moved) == SIGMOID_ERROR
    assert sigmoid_error(graph.add("Mul", [score, moved])) == 2 * SIGMOID_ERROR
    assert sigmoid_error(graph.add("Mul", [score, graph.inputs[0]])) == 0
    assert sigmoid_error(graph.add("Concat", [score, graph.inputs[0]], {"axis": 0})) == SIGMOID_ERROR
    assert sigmoid_error(graph.add("Log", [score])) == 0
    assert tolerance_of(graph, np.dtype(np.float32), moved).absolute == SIGMOID_ERROR
    assert tolerance_of(graph, np.dtype(np.float32), graph.inputs[0]).absolute == 0


def test_many_ways_to_one_value_are_walked_once():
    graph = Graph("g", inputs=[Value("x", np.float32, (4, 2))])
    value = graph.add("Sigmoid", graph.inputs)
    for _ in range(60):
        value = graph.add("Mul", [value, value])
    assert sigmoid_error(value) == 4 * SIGMOID_ERROR
    assert sigmoid_error(graph.add("Add", [value, value])) == 0
