"""Graphs as a subclass of ``keras.Model``, where a functional model cannot say them.

That is so for control flow, sequences, strings, and shapes that depend on numbers. Its ``call`` runs eagerly, as a PyTorch
module does.
"""

from __future__ import annotations

import ast
from typing import Any

from converter.emitters import Emitted
from converter.emitters.blocks import function_lines
from converter.emitters.control import branch, conditional
from converter.emitters.expressions import Binding, call, literal, own, strings
from converter.emitters.keras import RESERVED, UNNAMED, Keras, module
from converter.emitters.lines import on_one_line
from converter.emitters.names import Namespace
from converter.emitters.ports import input_names, model_name
from converter.emitters.program import Program
from converter.emitters.signatures import model_attributes
from converter.emitters.site import Site
from converter.emitters.source import helper_names, indent
from converter.emitters.types import held_as
from converter.emitters.variable_names import name_variables
from converter.emitters.vocabulary import Branch, Layer
from converter.graph import Graph, Node, Shape, Value, Weight


class KerasSubclass(Keras):
    """Layers and weights are attributes of the model, built when it is constructed."""

    is_functional = False

    def layer_call(
        self, program: Program, layer: Layer, name: str, named: bool, arguments: list[ast.expr], shape: Shape | None
    ) -> ast.expr:
        if layer.constructor in UNNAMED:
            name, named = "padding", False
        name, new = program.share(layer, name, named)
        if new:
            program.layers[name] = program.constructor(layer, name=name)
            program.layers[name].build_shapes = _build_shapes(layer, shape) if layer.weights else None
            program.weights |= {f"{name}/{variable}": weight for variable, weight in layer.weights.items()}
        else:
            program.layers[name].called_again = True
        tree = ast.Call(own(name), arguments, [])
        tree.layer_name, tree.constructor = name, program.layers[name]
        return tree

    def whole(self, program: Program, tree: ast.expr, site: Site) -> ast.expr:
        return tree

    def branch(self, program: Program, node: Node, condition: ast.expr, choice: Branch) -> None:
        if node.inputs[0].rank == 0 and all(map(_alike, choice.then.outputs, choice.otherwise.outputs)):
            conditional(program, node, condition, choice)
        else:
            program.runs_eagerly = True
            branch(program, node, condition, choice)

    def weight(self, program: Program, weight: Weight, name: str, start: str) -> Binding:
        if weight.dtype == object:
            program.layers[name] = strings(weight.array())
            program.layers[name].build_shapes = None
            return lambda: own(name)
        options: dict[str, Any] = {"dtype": held_as(weight.dtype.name, "keras")} if weight.dtype != "float32" else {}
        if not weight.trainable:
            options["trainable"] = False
        options = {name: literal(value) for name, value in {**options, "name": name}.items()}
        program.layers[name] = call("self.add_weight", [literal(weight.shape), literal(start)], options)
        program.layers[name].build_shapes = None
        program.weights[f"{model_name(program, _reserved())}/{name}"] = weight
        return lambda: own(name)


def _alike(a: Value, b: Value) -> bool:
    """Whether both are tensors of one type and one shape, as far as both are known."""
    tensors = a.is_tensor and b.is_tensor and a.dtype == b.dtype and a.shape == b.shape
    return tensors and a.shape is not None and None not in a.shape


def _build_shapes(layer: Layer, shape: Shape | None) -> list[tuple[int | None, ...]]:
    """Shapes of inputs that fit the layer's weights, with what they do not depend on left open."""
    if layer.constructor == "layers.MultiHeadAttention":
        return [(None, None, layer.weights[f"{name}/kernel"].shape[0]) for name in ("query", "value")]
    return [_build_shape(layer, shape)]


def _build_shape(layer: Layer, shape: Shape | None) -> tuple[int | None, ...]:
    kernel = layer.weights.get("kernel")
    cells = [weight for name, weight in layer.weights.items() if name.endswith("_cell/kernel")]
    if cells:
        return (None, None, cells[0].shape[0])
    if kernel is None or layer.constructor == "layers.EinsumDense":
        return tuple(size if isinstance(size, int) else None for size in shape)
    transposed = layer.constructor.endswith("Transpose")
    channels = kernel.shape[-1 if transposed else -2] * layer.kwargs.get("groups", 1)
    leading = 1 if layer.constructor == "layers.Dense" else len(kernel.shape) - 1
    return (None,) * leading + (channels,)


def _reserved() -> tuple[str, ...]:
    """Names in the module, which the model's class may not have."""
    return (*RESERVED, *helper_names("keras"), "self")


def emit(graph: Graph, *, same: bool = False) -> Emitted:
    """The model's code, and its weights by variable path."""
    program = Program.of(graph, KerasSubclass(), same=same, reserved=tuple(model_attributes()))
    reserved = _reserved()
    namespace = Namespace(reserved)
    inputs = input_names(program, namespace, kept=False)
    program.statements = on_one_line(program, program.statements, program.reads())
    results = program.output_values()
    names = name_variables(program, namespace, inputs)
    name = model_name(program, reserved)

    construction = ["super().__init__(name=name, autocast=False, **kwargs)"]
    plain = [value for value in graph.inputs if value.dtype == object or value.kind == "map"]
    if plain:  # Keras would put its inputs into tensors, and no backend has tensors of these
        construction.append("# Not every input is a tensor: Keras hands them on as they come.")
        construction += ["self._convert_input_args = False", "self._allow_non_tensor_positional_args = True"]
    for layer, tree in program.layers.items():
        construction.append(f"self.{layer} = {ast.unparse(tree)}")
        if tree.build_shapes is not None:
            construction.append(f"self.{layer}.build({', '.join(map(str, tree.build_shapes))})")
    construction.append("self.built = self.run_eagerly = True" if program.runs_eagerly else "self.built = True")
    lines = function_lines(program.statements, results, names, "[{}]")
    first = list(inputs.values())
    unpack = [f"{', '.join(first)} = inputs"] if len(first) > 1 else []
    if plain:
        for value in (value for value in graph.inputs if value not in plain):
            convert = "ops.convert_to_tensor(" if value.is_tensor else "keras.tree.map_structure(ops.convert_to_tensor, "
            unpack.append(f"{inputs[value]} = {convert}{inputs[value]})")
    what = f"{name}, channels last."
    if program.runs_eagerly:
        what += " What it does depends on the numbers it gets, so that it runs eagerly."
    definition = "\n".join(
        [
            "@keras.saving.register_keras_serializable()",
            f"class {name}(keras.Model):",
            indent([f'"""{what}"""', "", f"def __init__(self, name={name!r}, **kwargs):", indent(construction), ""]),
            indent([f"def call(self, {first[0] if len(first) == 1 else 'inputs'}):", indent([*unpack, *lines]), "", ""]),
            "def build_model():",
            indent([f'"""{name} with fresh weights."""', f"return {name}()"]),
        ]
    )
    return module(program, name, first, definition)
