"""PyTorch code makes its tensors on the device of those that it has."""

from __future__ import annotations

import ast

from converter.emitters.blocks import variable, variables

_MAKERS = {
    f"torch.{name}" for name in ("arange", "empty", "eye", "full", "linspace", "ones", "rand", "randn", "tensor", "zeros")
}
_ASKED = {"shape", "numel", "item", "size"}


def on_device(tree: ast.expr) -> ast.expr:
    """Calls in the tree that make a tensor of a size or number of another get that one's device.

    Where none of their arguments comes from a tensor there is no device to ask for: a tensor without axes, which goes along
    with any other, or a constant that is a result itself.
    """
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or ast.unparse(call.func) not in _MAKERS:
            continue
        if any(keyword.arg == "device" for keyword in call.keywords):
            continue
        asked = (node for argument in call.args for node in ast.walk(argument) if isinstance(node, ast.Attribute))
        tensors = [node.value for node in asked if node.attr in _ASKED and variables(node.value) == [node.value]]
        if tensors:
            call.keywords.append(ast.keyword("device", ast.Attribute(variable(tensors[0].value), "device", ast.Load())))
    return tree
