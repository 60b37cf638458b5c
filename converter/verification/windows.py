"""Questions whose sizes leave a convolution or a pooling no place for its window.

onnxruntime goes on, with tensors that hold no number or with windows that reach beyond them; PyTorch and Keras refuse such
sizes, as the network that was exported did. They prove nothing, so other sizes are asked.
"""

from __future__ import annotations

from typing import Any

import onnx

from converter.graph import Graph
from converter.verification.inputs import Question, open_sizes
from converter.verification.judge import Judge
from converter.verification.reference import Inside
from converter.verification.sessions import ERRORS

_WITH_WINDOWS = {"Conv", "ConvInteger", "QLinearConv", "MaxPool", "AveragePool", "LpPool"}
_PADDED_AS_NEEDED = {"SAME_UPPER", "SAME_LOWER"}
_BUDGET = 2**30


class Windows:
    """Those of ``graph``, where it leaves sizes open; ``model`` is the judge's own, whose large weights need not be loaded."""

    def __init__(self, judge: Judge, graph: Graph, model: onnx.ModelProto):
        dims = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
        self._least: dict[str, list[tuple[int, ...]]] = {}
        """By the name of what windows move over: sizes that it must have, height and width say."""
        for node in model.graph.node if open_sizes(graph) else ():
            if node.op_type in _WITH_WINDOWS and (least := _least(node, dims)):
                self._least.setdefault(node.input[0], []).append(least)
        self._inside = Inside(judge.model, self._least, _BUDGET) if self._least else None
        self._known: dict[tuple[Any, ...], bool] = {}

    def have_no_place(self, question: Question) -> bool:
        """Whether one is larger than what it moves over, padded; a question of the same sizes is not looked into again."""
        if self._inside is None:
            return False
        sizes = tuple(getattr(array, "shape", ())[1:] for array in question.inputs.values())
        if sizes not in self._known:
            try:
                arrays = self._inside(question.inputs)
            except ERRORS:  # it fixes a batch of one that was freed, say
                arrays = {}
            self._known[sizes] = any(
                size < needed
                for name, array in arrays.items()
                for least in self._least[name]
                for size, needed in zip(array.shape[2:], least, strict=False)
            )
        return self._known[sizes]


def _least(node: onnx.NodeProto, dims: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The least sizes in which the window has a place, nothing where they are not known or it is padded as needed."""
    given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    weight = dims.get(node.input[3 if node.op_type == "QLinearConv" else 1], ()) if len(node.input) > 1 else ()
    kernel = given.get("kernel_shape", weight[2:])
    if given.get("auto_pad", b"").decode() in _PADDED_AS_NEEDED or given.get("ceil_mode"):  # which may reach beyond
        return ()
    rank = len(kernel)
    pads, dilations = given.get("pads", [0] * 2 * rank), given.get("dilations", [1] * rank)
    return tuple((kernel[i] - 1) * dilations[i] + 1 - pads[i] - pads[rank + i] for i in range(rank))
