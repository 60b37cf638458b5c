"""Graphs as a PyTorch module: one ``nn.Module`` whose ``forward`` reads as the network does."""

from __future__ import annotations

import ast
import builtins
from typing import Any

import numpy as np

from converter.emitters import Emitted
from converter.emitters.control import branch
from converter.emitters.devices import on_device
from converter.emitters.expressions import Binding, call, fill, literal, own, parse, strings
from converter.emitters.in_place import in_place
from converter.emitters.layout import Rule, logical, same
from converter.emitters.names import Namespace
from converter.emitters.ports import classes, header, input_names, model_name, ports
from converter.emitters.program import Program
from converter.emitters.signatures import module_attributes
from converter.emitters.site import Site
from converter.emitters.source import formatted, helper_names, helpers_for, imports_for, indent
from converter.emitters.structure.modules import Modules, UnfitScopesError
from converter.emitters.types import held_as
from converter.emitters.vocabulary import Branch, Layer
from converter.graph import Graph, Node, Shape, Weight
from converter.operators.registry import room_of

_IMPORTS = {
    "OrderedDict": "from collections import OrderedDict",
    "functools": "import functools",
    "itertools": "import itertools",
    "io": "import io",
    "math": "import math",
    "operator": "import operator",
    "np": "import numpy as np",
    "re": "import re",
    "Path": "from pathlib import Path",
    "Image": "from PIL import Image",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "load_file": "from safetensors.torch import load_file",
    "nn": "from torch import nn",
}
_RESERVED = (*dir(builtins), *_IMPORTS, "CLASSES", "self", "x")
WEIGHTS_FILE = "model.safetensors"


class PyTorch:
    """PyTorch keeps the graph's own axis order; layers are attributes of the module."""

    name = "pytorch"
    layers_nest = True
    has_modules = True
    is_functional = False
    names = frozenset(_IMPORTS) | helper_names("pytorch")
    widened = frozenset({"uint16", "uint32", "uint64"})

    def size(self, tree: ast.expr, axis: int) -> ast.expr:
        return fill("x.shape[axis]", {"x": lambda: tree, "axis": lambda: literal(axis)})

    def cast(self, tree: ast.expr, dtype: str) -> ast.expr:
        return fill(f"x.to(torch.{dtype})", {"x": lambda: tree})

    def typed(self, layer: Layer, node: Node) -> Layer:
        dtypes = {weight.dtype.name for weight in layer.weights.values()} - {"float32"}
        if len(dtypes) != 1 or not dtypes <= {"float16", "bfloat16", "float64"}:
            return layer
        dtype = parse(f"torch.{dtypes.pop()}")
        return Layer(layer.constructor, *layer.args, weights=layer.weights, **{**layer.kwargs, "dtype": dtype})

    def rule(self, node: Node) -> Rule:
        room = room_of(node)
        return same if room is not None and room.layout is same else logical

    def room(self, node: Node, site: Site) -> Any:
        return room_of(node).pytorch(site)

    def activation(self, node: Node) -> str | None:
        return None

    def branch(self, program: Program, node: Node, condition: ast.expr, choice: Branch) -> None:
        branch(program, node, condition, choice)

    def whole(self, program: Program, tree: ast.expr, site: Site) -> ast.expr:
        return tree

    def placed(self, tree: ast.expr) -> ast.expr:
        return on_device(tree)

    def tensor(self, array: np.ndarray) -> ast.expr:
        inferred = {"int64", "float32", "bool"}
        options = {} if array.dtype.name in inferred else {"dtype": parse(f"torch.{held_as(array.dtype.name, 'pytorch')}")}
        return call("torch.tensor", [literal(array.tolist())], options)

    def layer_call(
        self, program: Program, layer: Layer, name: str, named: bool, arguments: list[ast.expr], shape: Shape | None
    ) -> ast.expr:
        name, new = program.share(layer, name, named)
        if new:
            program.layers[name] = program.constructor(layer)
            program.weights |= {f"{name}.{variable}": weight for variable, weight in layer.weights.items()}
        tree = ast.Call(own(name), arguments, [])
        tree.layer_name = name
        return tree

    def weight(self, program: Program, weight: Weight, name: str, start: str) -> Binding:
        if weight.dtype == object:
            program.layers[name] = strings(weight.array())
            return lambda: own(name)
        options = {} if weight.dtype == "float32" else {"dtype": parse(f"torch.{held_as(weight.dtype.name, 'pytorch')}")}
        tensor = call(f"torch.{start}", [literal(size) for size in weight.shape] or [literal(())], options)
        program.layers[name] = call("nn.Parameter", [tensor], {}) if weight.trainable else tensor
        program.layers[name].buffer = not weight.trainable
        program.weights[name] = weight
        return lambda: own(name)


def emit(graph: Graph, *, same: bool = False) -> Emitted:
    """The module's code, and its weights by ``state_dict`` key.

    Scopes that no modules can have (a layer that holds others, say) give one class without them.
    """
    try:
        return _emit(graph, same=same)
    except UnfitScopesError:
        if all(node.scope is None for node in graph.nodes):
            raise
    for node in graph.nodes:
        node.scope = None
    return _emit(graph, same=same)


def _emit(graph: Graph, *, same: bool) -> Emitted:
    program = Program.of(graph, PyTorch(), same=same, reserved=tuple(module_attributes()))
    reserved = (*_RESERVED, *helper_names("pytorch"))
    namespace = Namespace(reserved)
    inputs = input_names(program, namespace, kept=False)
    inputs = {value: "x" if value.name == "x" else name for value, name in inputs.items()}
    name = model_name(program, reserved)
    modules = Modules(program, reserved)
    modules.check()
    definition = in_place("\n\n\n".join(modules.code(name, inputs)))
    inputs_ports = ports(program, graph.inputs, list(inputs.values()))
    outputs_ports = ports(program, graph.outputs)
    code = "\n\n\n".join([*classes(outputs_ports), *helpers_for("pytorch", definition), definition, _loading(name, program)])
    imports = imports_for(code, _IMPORTS)
    code = "\n\n".join([header(program, "PyTorch", name, inputs_ports, outputs_ports), "\n".join(imports), code])
    return Emitted(formatted(code), program.weights, inputs_ports, outputs_ports, program.visible)


def _loading(name: str, program: Program) -> str:
    held = [weight.has_data for weight in program.weights.values()]
    if not any(held):
        what = "fresh weights: the source holds none" if held else "no weights"
        lines = [f'"""The model, ready for inference, with {what}."""', f"return {name}().eval()"]
    else:
        strict = "" if all(held) else ", strict=False"
        lines = [
            '"""The model with its weights, ready for inference."""',
            f"model = {name}()",
            f'model.load_state_dict(load_file(Path(__file__).with_name("{WEIGHTS_FILE}")){strict})',
            "return model.eval()",
        ]
    return "\n".join(["def load_model():", indent(lines), "", "", 'if __name__ == "__main__":', "    print(load_model())"])
