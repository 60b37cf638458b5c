"""Names of functions: the class that their calls have in the source, and what sets apart those that have the same."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping

from converter.emitters.blocks import Statement, trees
from converter.emitters.names import snake_case, without_number
from converter.emitters.structure.calls import Call
from converter.emitters.structure.classes import kind_of
from converter.emitters.structure.definitions import Definition
from converter.emitters.structure.readings import Reading


def function_names(kind: list[list[Reading]], definitions: Mapping[str, Definition]) -> list[str]:
    """A name for each function of one kind, of which these are the calls.

    The one that does the least has the name of the kind, "mb_conv"; others say what they do beside it,
    "mb_conv_with_squeeze_excitation", or what they have instead, "depthwise_conv_norm". Names may still be equal.
    """
    if not kind:
        return []
    name = snake_case(kind_of(kind[0][0].call).rpartition(".")[2])
    said = [_said(readings[0].call, definitions) for readings in kind]
    own = [[word for word in words if not any(word in other for other in said if other is not words)] for words in said]
    base = min(range(len(kind)), key=lambda place: (len(own[place]), len(said[place]), -len(kind[place])))
    more = [own[place] or [word for word in said[place] if word not in said[base]] for place in range(len(kind))]
    return [name if place == base else _named(name, more[place], own[base]) for place in range(len(kind))]


def _named(name: str, own: Collection[str], instead: Collection[str]) -> str:
    """The name, for a kind of what the other has as that: "depthwise_block" for "depthwise_conv2d" and "conv2d"."""
    for word in own:
        for other in instead:
            if word.endswith(f"_{other}"):
                return f"{word.removesuffix(other)}{name}"
    return f"{name}_with_{next(iter(own))}" if own else name


def _said(call: Call, definitions: Mapping[str, Definition]) -> list[str]:
    """The functions, modules, weights and layers that a call uses, in this order, as words."""
    functions, modules, weights, layers, operations = ({} for _ in range(5))
    depth = len(call.module.path.split(".")) if call.module.path else 0
    for item in call.items:
        for module in (item.scope or ()) if isinstance(item, Statement) else ():
            kind = module.type.rpartition(".")[2]
            if kind and len(module.path.split(".")) > depth and not module.type.startswith("torch.nn."):
                modules[snake_case(kind)] = None
    for node in (node for tree in trees(call.items) for node in ast.walk(tree) if isinstance(node, ast.Call)):
        function = ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
        if function in definitions:
            functions[function] = None
        elif function.startswith("layers."):
            layers[snake_case(function.removeprefix("layers."))] = None
        elif function == "Weight":
            names = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
            weights |= {without_number(call.rest(each.value) or each.value).strip("_"): None for each in names}
        elif function:
            operations[snake_case(function.removeprefix("ops."))] = None
    return [*(functions | modules | weights | layers | operations)]
