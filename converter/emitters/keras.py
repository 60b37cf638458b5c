"""Graphs as a Keras 3 functional model, channels last."""

from __future__ import annotations

import ast
import builtins
import re
from typing import Any

import numpy as np

from converter.emitters import Emitted
from converter.emitters.blocks import Compound, Statement, trees
from converter.emitters.expressions import Binding, call, fill, literal
from converter.emitters.layout import Rule
from converter.emitters.names import Namespace
from converter.emitters.ports import classes, header, input_names, model_name, ports
from converter.emitters.program import Program
from converter.emitters.site import NotFunctionalError, Site
from converter.emitters.sized_layers import SizedLayers
from converter.emitters.source import formatted, helper_names, helpers_for, imports_for, indent
from converter.emitters.structure.functions import Functions, any_tensor
from converter.emitters.types import held_as
from converter.emitters.vocabulary import Layer
from converter.graph import Graph, Node, Shape, Value, Weight
from converter.operators.registry import room_of

IMPORTS = {
    "functools": "import functools",
    "itertools": "import itertools",
    "io": "import io",
    "math": "import math",
    "re": "import re",
    "sys": "import sys",
    "Path": "from pathlib import Path",
    "Image": "from PIL import Image",
    "keras": "import keras",
    "np": "import numpy as np",
    "layers": "from keras import layers",
    "ops": "from keras import ops",
}
RESERVED = (*dir(builtins), *IMPORTS, "CLASSES", "x")
WEIGHTS_FILE = "model.weights.h5"

_DEEP = 500
"""Operations in a row, beyond which Keras may come to the end of Python's stack (1000 calls): one of ours may be several."""


class Keras:
    """Keras keeps channels last; a layer is constructed where it is called."""

    name = "keras"
    layers_nest = False
    has_modules = False
    is_functional = True
    names = frozenset(IMPORTS) | helper_names("keras")
    widened = frozenset({"uint64"})

    def __init__(self) -> None:
        self.sized_layers = SizedLayers((*RESERVED, *self.names))

    def size(self, tree: ast.expr, axis: int) -> ast.expr:
        asked = fill("ops.shape(x)[axis]", {"x": lambda: tree, "axis": lambda: literal(axis)})
        asked.asks_size = True
        return asked

    def whole(self, program: Program, tree: ast.expr, site: Site) -> ast.expr:
        if not site.asks_sizes and not any(hasattr(node, "asks_size") for node in ast.walk(tree)):
            return tree
        return self.sized_layers.called(program, tree, site)

    def cast(self, tree: ast.expr, dtype: str) -> ast.expr:
        return fill("ops.cast(x, dtype)", {"x": lambda: tree, "dtype": lambda: literal(dtype)})

    def typed(self, layer: Layer, node: Node) -> Layer:
        dtype = next(value.dtype for value in node.outputs if value is not None)
        if dtype is None or dtype == "float32" or not (dtype.kind == "f" or dtype.name == "bfloat16"):
            return layer
        return Layer(layer.constructor, *layer.args, weights=layer.weights, **{"dtype": dtype.name, **layer.kwargs})

    def rule(self, node: Node) -> Rule:
        return room_of(node).layout

    def room(self, node: Node, site: Site) -> Any:
        return room_of(node).keras(site)

    def activation(self, node: Node) -> str | None:
        room = room_of(node)
        return room.activation(node) if room is not None and room.activation is not None else None

    def placed(self, tree: ast.expr) -> ast.expr:
        return tree

    def tensor(self, array: np.ndarray) -> ast.expr:
        return call("ops.convert_to_tensor", [literal(array.tolist()), literal(held_as(array.dtype.name, "keras"))], {})

    def layer_call(
        self, program: Program, layer: Layer, name: str, named: bool, arguments: list[ast.expr], shape: Shape | None
    ) -> ast.expr:
        if not named or layer.constructor in UNNAMED:
            tree = ast.Call(program.constructor(layer), arguments, [])
            tree.layer_name, tree.constructor = name, tree.func
            return tree
        name, new = program.share(layer, name, named)
        if new:
            program.layers[name] = program.constructor(layer, name=name)
            program.weights |= {f"{name}/{variable}": weight for variable, weight in layer.weights.items()}
            tree = ast.Call(program.layers[name], arguments, [])
        else:
            program.layers[name].called_again = True
            tree = ast.Call(ast.Name(name, ast.Load()), arguments, [])
        tree.layer_name, tree.constructor = name, program.layers[name]
        return tree

    def weight(self, program: Program, weight: Weight, name: str, start: str) -> Binding:
        if weight.dtype == object:
            raise NotFunctionalError("it holds strings")
        program.weights[f"{name}/value"] = weight
        options = {} if start == "zeros" else {"start": literal(start)}
        if not weight.trainable:
            options["trainable"] = literal(False)
        if weight.dtype != "float32":
            options["holds"] = literal(held_as(weight.dtype.name, "keras"))  # "dtype" would be what the layer computes in

        def use() -> ast.expr:
            layer = call("Weight", [literal(weight.shape)], {**options, "name": literal(name)})
            return ast.Call(layer, [any_tensor()], [])

        return use


UNNAMED = {f"layers.{kind}{rank}D" for kind in ("ZeroPadding", "Cropping") for rank in (1, 2, 3)}
"""Layers that stand before or after the one that carries the source's name."""


def emit(graph: Graph, *, same: bool = False) -> Emitted:
    """The model's code, and its weights by variable path ("conv1/kernel").

    Raises NotFunctionalError where a node needs the numbers of its inputs while the model is built.
    """
    if not graph.inputs or not all(is_symbolic(value) for value in graph.inputs):
        raise NotFunctionalError("its inputs are no tensors of known rank")
    program = Program.of(graph, Keras(), same=same)
    deep = _depth(program.statements)
    sized = program.target.sized_layers.code()
    _avoid_operations(program)
    reserved = (*RESERVED, *helper_names("keras"))
    functions = Functions(program, reserved)
    called = {n.attr for tree in trees(program.statements) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    # Keras names an operation after its function; an input must have neither its name nor that of a layer.
    kept = (*reserved, *called, *program.layer_names, *functions.definitions)
    inputs = input_names(program, Namespace(kept), kept=True)
    name = model_name(program)
    blocks, body, names = functions.code(inputs)

    lines = [f"{text} = {ast.unparse(_input(program, value, text))}" for value, text in inputs.items()]
    if deep > _DEEP:
        limit = -(-4 * deep // 1000) * 1000
        lines.insert(0, f"sys.setrecursionlimit({limit})  # Keras goes back from the outputs by one call for each operation")
    lines += body
    results = program.output_values()
    ends = _one_or_list([names[value] for value in results])
    model = f'keras.Model({_one_or_list(list(inputs.values()))}, {ends}, name="{name}")'
    lines.append(f"return {model}")
    definition = "\n".join(["def build_model():", indent([f'"""{name}, channels last, with fresh weights."""', *lines])])
    return module(program, name, list(inputs.values()), "\n\n\n".join([*sized, *blocks, definition]))


def _depth(statements: list[Statement | Compound]) -> int:
    """How many operations stand in a row between an input and an output, at most."""
    depths: dict[Value, int] = {}

    def deepest(tree: ast.AST) -> int:
        own = isinstance(tree, ast.Call | ast.BinOp | ast.UnaryOp | ast.Compare | ast.Subscript)
        before = [depths.get(getattr(tree, "value", None), 0)] if isinstance(tree, ast.Name) else []
        return own + max([*before, *map(deepest, ast.iter_child_nodes(tree))], default=0)

    for statement in statements:
        depths |= dict.fromkeys(statement.targets, max(map(deepest, statement.heads), default=0))
    return max(depths.values(), default=0)


def _avoid_operations(program: Program) -> None:
    """Give no layer the name that Keras gives an operation by itself: "reshape" or "reshape_3" beside ``ops.reshape``.

    A layer that has one, and no weights, is named by Keras too.
    """
    called = {n.attr for tree in trees(program.statements) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    for name in [name for name in program.layers if re.sub(r"_\d+$", "", name) in called]:
        held = [key for key in program.weights if key.startswith(f"{name}/")]
        keyword = next(keyword for keyword in program.layers[name].keywords if keyword.arg == "name")
        if not held and not hasattr(program.layers[name], "called_again"):
            program.layers[name].keywords.remove(keyword)
            continue
        keyword.value = literal(program.layer_names.take(f"{name}_layer"))
        for key in held:
            program.weights[f"{keyword.value.value}/{key.removeprefix(f'{name}/')}"] = program.weights.pop(key)


def module(program: Program, name: str, inputs: list[str], definition: str) -> Emitted:
    """The whole module around the definition of ``build_model``."""
    inputs_ports = ports(program, program.graph.inputs, inputs)
    outputs_ports = ports(program, program.graph.outputs)
    code = "\n\n\n".join([*classes(outputs_ports), *helpers_for("keras", definition), definition, _loading(program)])
    imports = imports_for(code, IMPORTS)
    code = "\n\n".join([header(program, "Keras 3", name, inputs_ports, outputs_ports), "\n".join(imports), code])
    return Emitted(formatted(code), program.weights, inputs_ports, outputs_ports, program.visible, program.transposes)


def is_symbolic(value: Value) -> bool:
    """Whether a ``KerasTensor`` can stand for the value."""
    return value.is_tensor and value.shape is not None and value.dtype is not None and value.dtype != object


def _input(program: Program, value: Value, name: str) -> ast.expr:
    stored = [value.shape[axis] for axis in program.layouts.of(value).order]
    sizes = tuple(size if isinstance(size, int) else None for size in stored)
    dtype = {} if value.dtype == "float32" else {"dtype": literal(held_as(value.dtype.name, "keras"))}
    if not sizes or isinstance(sizes[0], int):
        return call("keras.Input", [], {"batch_shape": literal(sizes), **dtype, "name": literal(name)})
    return call("keras.Input", [literal(sizes[1:])], {**dtype, "name": literal(name)})


def _one_or_list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _loading(program: Program) -> str:
    held = [weight.has_data for weight in program.weights.values()]
    if not any(held):
        what = "fresh weights: the source holds none" if held else "no weights"
        lines = [f'"""The model with {what}."""', "return build_model()"]
    else:
        lines = [
            '"""The model with its weights."""',
            "model = build_model()",
            f'model.load_weights(Path(__file__).with_name("{WEIGHTS_FILE}"))',
            "return model",
        ]
    return "\n".join(["def load_model():", indent(lines), "", "", 'if __name__ == "__main__":', "    load_model().summary()"])
