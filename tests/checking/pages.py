"""Results to show, as ``converter check`` makes them."""

from __future__ import annotations

import numpy as np

from converter.checking.results import Result
from converter.emitters import emit
from converter.graph import Graph
from converter.verification.compare import Tolerance
from converter.verification.layers import Blame, Layer
from converter.verification.report import Case, OutputReport, Report, Where

TOLERANCE = Tolerance("float32", 1e-5, "sums of float32 numbers in another order")


def report(layers: list[Layer], blame: Blame | None = None, name: str = "prob") -> Report:
    """A report of one output; its error is that of the last layer."""
    error = layers[-1].relative or 0.0
    outputs = {name: OutputReport(TOLERANCE, 10 * error, error, Where("seed 1, batch 3", (2, 17)), 1.0)}
    cases = [Case("seed 0, batch 1", {"x": (1, 3, 8, 8)}, "normal numbers around 0")]
    return Report("pytorch", "onnxruntime", cases, outputs, {}, [], [], {"torch": "2.13.0"}, layers, blame)


def residual(*, differs_from: int | None = None) -> Result:
    """A stem and two residual blocks of a module each, then a classifier; from ``differs_from`` on it is wrong."""
    rows = [("conv1", "Conv", "conv1", [])]
    for block in range(2):
        start, path = len(rows) - 1, f"layer1.{block}"
        rows += [
            (f"{path}_conv1", "Conv", f"{path}.conv1", [start]),
            (f"{path}_relu", "Relu", path, [start + 1]),
            (f"{path}_conv2", "Conv", f"{path}.conv2", [start + 2]),
            (f"{path}_add", "Add", path, [start + 3, start]),
        ]
    rows.append(("fc", "Gemm", "fc", [len(rows) - 1]))
    code = "class Model:\n" + "".join(f"    x{index} = layer{index}(x)\n" for index in range(len(rows)))
    layers = []
    for index, (name, op, scope, inputs) in enumerate(rows):
        wrong = differs_from is not None and index >= differs_from
        error, verdict = (0.25, "differs") if wrong else (2e-7, "equal")
        text = f"x{index} = layer{index}(x)"
        layers.append(Layer(name, op, scope, inputs, f"v{index}", (1, 4, 8, 8), index + 2, text, 3 * error, error, verdict))
    layers[2].absolute = layers[2].relative = layers[2].line = None
    layers[2].code, layers[2].verdict = "", "not visible"
    blame = None
    if differs_from is not None:
        cause = "as if the padding were 2 instead of 1"
        blame = Blame(differs_from, "writing", 1.25, -0.5, (0, 3, 7, 5), "seed 0, batch 1", cause)
    status = "equal" if blame is None else "not equal"
    return Result("specs/residual.toml", "residual.onnx", "pytorch", status, 1.5, report(layers, blame), [], code)


def of_graph(graph: Graph, target: str = "pytorch") -> Result:
    """The layers of a real graph beside the code emitted for it, with made-up errors."""
    rng, code = np.random.default_rng(0), emit(graph, target).code
    rows = {value: index for index, node in enumerate(graph.nodes) for value in node.outputs}
    lines = code.splitlines()
    layers = []
    for index, node in enumerate(graph.nodes):
        error, line = float(rng.uniform(1e-8, 5e-6)), 1 + index % len(lines)
        reads = sorted({rows[value] for value in node.reads() if value in rows})
        shape = tuple(size if isinstance(size, int) else 1 for size in node.output.shape or ())
        scope = node.scope[-1].path if node.scope else ""
        text = lines[line - 1].strip()
        layers.append(Layer(node.name, node.op_type, scope, reads, node.output.name, shape, line, text, error, error, "equal"))
    return Result("specs/real.toml", "real.onnx", target, "equal", 20.0, report(layers), [], code)
