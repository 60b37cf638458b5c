"""ONNX models of formulas: ``x * Erf(x / 1.41421356)`` with one node for each operation."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from tests.onnx_reader.models import model, node

_OPERATORS = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div", ast.Pow: "Pow"}


def formula(
    text: str, inputs: Mapping[str, Any], weights: Mapping[str, Any] | None = None, *, also: str = "", opset: int = 21
) -> onnx.ModelProto:
    """The model that computes ``y``, as written; ``also`` is a second output, part of the formula.

    Lists are constant int64 tensors, numbers constants of float32; equal parts are computed once.
    """
    nodes: list[onnx.NodeProto] = []
    known: dict[str, str] = {}

    def constant(array: np.ndarray) -> str:
        nodes.append(onnx.helper.make_node("Constant", [], [f"c{len(nodes)}"], value=onnx.numpy_helper.from_array(array)))
        return nodes[-1].output[0]

    def value(tree: ast.expr) -> str:
        text = ast.unparse(tree)
        if text not in known:
            known[text] = make(tree)
        return known[text]

    def make(tree: ast.expr) -> str:
        if isinstance(tree, ast.Name):
            return tree.id
        if isinstance(tree, ast.Constant | ast.UnaryOp | ast.List):
            written = ast.literal_eval(tree)
            return constant(np.array(written, np.int64 if isinstance(written, list) else np.float32))
        if isinstance(tree, ast.BinOp):
            op_type, arguments, attributes = _OPERATORS[type(tree.op)], [tree.left, tree.right], {}
        else:
            op_type, arguments = tree.func.id, tree.args
            attributes = {keyword.arg: ast.literal_eval(keyword.value) for keyword in tree.keywords}
        names = [value(argument) for argument in arguments]
        nodes.append(node(op_type, names, [f"v{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    result = value(ast.parse(text, mode="eval").body)
    outputs = [result] if not also else [result, value(ast.parse(also, mode="eval").body)]
    return model(nodes, inputs, outputs, weights, opset=opset)
