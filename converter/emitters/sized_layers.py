"""Small layers for what a functional Keras model cannot say: sizes, which it has none of until it runs."""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

from converter.emitters.blocks import Statement, is_variable, variables
from converter.emitters.expressions import fill
from converter.emitters.names import Namespace, class_name, snake_case
from converter.emitters.site import NotFunctionalError, Site
from converter.emitters.source import indent
from converter.emitters.vocabulary import Layer
from converter.graph import Value

if TYPE_CHECKING:
    from converter.emitters.program import Program

_TAKEN = ("self", "mask", "training")
"""Arguments of a call that mean something else, or to which Keras itself gives values."""


_OTHER_FLOATS = {"bfloat16", "float16", "float64"}
"""Types of floating numbers of which a layer makes float32 ones."""


class SizedLayers:
    """The classes that a model needs. What differs in numbers only is one class, with these numbers as its arguments."""

    def __init__(self, reserved: tuple[str, ...]):
        self._names = Namespace(reserved)
        self._alike: dict[str, list[tuple[ast.Call, ast.expr, list[str]]]] = {}
        """(call, what it computes, names of its arguments), by what is the same in all."""

    def called(self, program: Program, tree: ast.expr, site: Site) -> ast.Call:
        """The call of a layer that computes ``tree`` of the tensors in it; its class gets a name in ``code``."""
        taker = _Arguments(program, site)
        body = taker.visit(tree)
        _rescale(program, taker.trees)
        shape = copy.deepcopy(body)
        for constant in _numbers(shape):
            constant.value = 0
        made = ast.Call(ast.Call(ast.Name("x", ast.Load()), [], []), taker.trees, [])
        made.layer, made.constructor = Layer("layers.Layer"), made.func
        made.layer_name = snake_case(_function(body) or site.node.op_type)
        read = (value for value in site.node.inputs if value is not None and value.dtype is not None)
        made.keeps_type = any(value.dtype.name in _OTHER_FLOATS for value in read)
        self._alike.setdefault(f"{taker.names} {ast.unparse(shape)}", []).append((made, body, taker.names))
        return made

    def code(self) -> list[str]:
        """The text of each class, once all calls are made."""
        return [self._class(alike) for alike in self._alike.values()]

    def _class(self, alike: list[tuple[ast.Call, ast.expr, list[str]]]) -> str:
        (first, body, arguments), *_ = alike
        name = self._names.take(class_name(first.layer_name), joint="")  # Keras counts the uses of Reshape as reshape_2
        given = [tuple(constant.value for constant in _numbers(tree)) for _, tree, _ in alike]
        columns = list(zip(*given, strict=True))
        differ = list(dict.fromkeys(column for column in columns if len(set(column)) > 1))
        namespace = Namespace(("self", "kwargs"))
        parameters = {column: namespace.take("size") for column in differ}
        for place, (made, _, _) in enumerate(alike):
            made.func.func.id = made.layer.constructor = name
            made.func.args = [ast.Constant(column[place]) for column in differ]
        for constant, column in zip(list(_numbers(body)), columns, strict=True):
            if column in parameters:
                body = _Held(constant, parameters[column]).visit(body)
        what = f"``{ast.unparse(body.func)}``" if isinstance(body, ast.Call) else "Computed"
        lines = [f'"""{what} with sizes that are known when the model runs."""', ""]
        keeps_type = any(made.keeps_type for made, _, _ in alike)
        if parameters or keeps_type:
            start = [f"self.{each} = {each}" for each in parameters.values()]
            lines += [f"def __init__({', '.join(['self', *parameters.values(), '**kwargs'])}):"]
            options = "autocast=False, " if keeps_type else ""
            lines += [indent([f"super().__init__({options}**kwargs)", *start]), ""]
        lines += [f"def call(self, {', '.join(arguments)}):", indent([f"return {ast.unparse(body)}"])]
        return "\n".join(["@keras.saving.register_keras_serializable()", f"class {name}(layers.Layer):", indent(lines)])


def _rescale(program: Program, trees: list[ast.expr]) -> None:
    """Let products with a number that these tensors are computed by be layers.

    Keras takes a symbolic tensor times a number for a sparse one (``Multiply.compute_output_spec``), until a layer gives
    another; and of a class it finds out what it gives by a call on sparse tensors, for which most functions are not made.
    """
    made = {
        target: statement
        for statement in program.statements
        if isinstance(statement, Statement)
        for target in statement.targets
    }
    waiting = [name.value for tree in trees for name in variables(tree)]
    while waiting:
        statement = made.get(waiting.pop())
        if statement is None or any(hasattr(node, "layer") for node in ast.walk(statement.tree)):
            continue
        waiting += [name.value for name in variables(statement.tree)]
        product = statement.tree
        if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult):
            sides = (product.left, product.right)
            number = next((side for side in sides if isinstance(side, ast.Constant)), None)
            other = next((side for side in sides if side is not number), None)
            if number is not None and statement.targets[0].dtype.kind == "f":
                bindings = {"factor": lambda n=number: n, "x": lambda x=other: x}
                statement.tree = fill("layers.Rescaling(factor)(x)", bindings)


def _numbers(tree: ast.AST) -> list[ast.Constant]:
    """The numbers in a tree, but for those that tell an axis of a shape."""
    places = {id(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in places)
    return [node for node in constants if type(node.value) in (int, float)]


def _function(tree: ast.expr) -> str:
    """The name of the function that is called last."""
    return ast.unparse(tree.func).rpartition(".")[2] if isinstance(tree, ast.Call) else ""


class _Held(ast.NodeTransformer):
    """Puts an attribute of the layer in the place of a number."""

    def __init__(self, constant: ast.Constant, name: str):
        self._constant, self._name = constant, name

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Attribute(ast.Name("self", ast.Load()), self._name, ast.Load()) if node is self._constant else node


class _Arguments(ast.NodeTransformer):
    """Puts an argument's name in the place of each tensor and weight."""

    def __init__(self, program: Program, site: Site):
        self._program, self._site = program, site
        self._namespace = Namespace((*_TAKEN, *program.target.names))
        self._known: dict[object, str] = {}
        self.names: list[str] = []
        self.trees: list[ast.expr] = []

    def visit(self, node: ast.AST) -> ast.AST:
        if hasattr(node, "key"):
            return self._argument(node.key, node.holds, node)
        if is_variable(node):
            return self._argument(node.value, node.value, node)
        if hasattr(node, "layer"):
            raise NotFunctionalError(f"{self._site.node.origin} calls a layer with sizes that are known when it runs")
        return super().visit(node)

    def _argument(self, key: object, value: Value, tree: ast.expr) -> ast.expr:
        if key not in self._known:
            self._known[key] = self._namespace.take("x" if not self.names else self._named(value))
            self.names.append(self._known[key])
            self.trees.append(tree)
        return ast.Name(self._known[key], ast.Load())

    def _named(self, value: Value) -> str:
        """What the operator calls a value that it reads; of another one only a size is asked for."""
        for index, given in enumerate(self._site.node.inputs):
            if given is not None and value.name == given.name:
                return snake_case(self._site.formal(index))
        return "like"
