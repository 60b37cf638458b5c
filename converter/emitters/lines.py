"""What a person writes on one line: calls around calls, terms of a sum, methods of what a layer gives."""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from dataclasses import dataclass

from converter.emitters.blocks import Compound, Statement, is_variable, trees, variable, variables
from converter.emitters.expressions import fill, is_infix, literal, parse
from converter.emitters.layout import same
from converter.emitters.program import Program
from converter.graph import Node, Value
from converter.operators.registry import room_of

LINE = 68
"""Longest expression put together on one line."""


def on_one_line(program: Program, statements: list[Statement | Compound], reads: Counter[Value]) -> list[Statement | Compound]:
    """The statements, each put into the next one where a person would. ``reads`` tells how often each value is read, and is
    kept true."""
    return _Joining(program, reads).joined(statements)


@dataclass
class _Joining:
    program: Program
    reads: Counter[Value]

    @property
    def _nests(self) -> bool:
        return self.program.target.layers_nest

    def joined(self, statements: list[Statement | Compound]) -> list[Statement | Compound]:
        done: list[Statement | Compound] = []
        for statement in self._taken_apart(statements):
            if isinstance(statement, Compound):
                for clause in statement.clauses:
                    clause.body = self.joined(clause.body)
                head = statement.clauses[0]
                while done and head.tree is not None and self._fits(done[-1], Statement([], head.tree)):
                    previous = done.pop()
                    head.tree = _Substitute(previous.targets[0], previous.tree).visit(head.tree)
            else:
                self._stack(done, statement)
                self._gather(done, statement)
                if self._nests:
                    self._ask_before(done[-1:], statement)
                while done and self._fits(done[-1], statement):
                    statement = self._put_into(statement, done.pop())
            done.append(statement)
        return done

    def _taken_apart(self, statements: list[Statement | Compound]) -> list[Statement | Compound]:
        unbound = _unbound(statements, self.reads, "x.unbind(axis)" if self._nests else "ops.unstack(x, axis=axis)")
        return _sunk(unbound, self.reads) if self._nests else unbound

    def _put_into(self, statement: Statement, previous: Statement) -> Statement:
        if is_variable(statement.tree):
            return Statement(statement.targets, previous.tree, previous.node)
        activation = self._activation(statement)
        if activation is not None and takes_activation(previous.tree):
            is_argument = hasattr(getattr(statement.tree, "func", None), "parameter")
            _add_activation(previous.tree, statement.tree.func if is_argument else ast.Constant(activation))
            return Statement(statement.targets, previous.tree, previous.node, previous.scope)
        statement.tree = _Substitute(previous.targets[0], previous.tree).visit(statement.tree)
        return statement

    def _activation(self, statement: Statement) -> str | None:
        """The name of the function that a statement computes, None where a parameter of the block around it has a say in it.

        Where the parameter is the function itself, it has none.
        """
        whole = getattr(statement.tree, "func", None)
        if statement.node is None or any(hasattr(node, "parameter") for node in ast.walk(statement.tree) if node is not whole):
            return None
        return self.program.target.activation(statement.node)

    def _ask_before(self, last: list[Statement | Compound], statement: Statement) -> None:
        """Ask for sizes of what the last statement gives at the one thing it reads, where a method can then be called right
        there."""
        if not last or isinstance(last[0], Compound) or len(last[0].targets) != 1:
            return
        (value,), tree = last[0].targets, last[0].tree
        sources = {name.value for name in variables(tree)}
        asked = [node for node in ast.walk(statement.tree) if _size_of(node) is value]
        count = sum(name.value is value for name in variables(statement.tree))
        once = bool(asked) and self.reads[value] == count == len(asked) + 1
        if len(sources) != 1 or not once or _reads_on(statement.tree, value) is None or not _goes_on(tree):
            return
        (source,) = sources
        shape = self.program.extents.sizes.shape
        have, want = shape(source), shape(value)
        axes = [node.slice.value for node in asked]
        if have is None or want is None or not all(axis < len(have) and have[axis] == want[axis] for axis in axes):
            return
        for node in asked:
            node.value.value = variable(source)
        self.reads[value] -= len(asked)
        self.reads[source] += len(asked)

    def _gather(self, done: list[Statement | Compound], statement: Statement) -> None:
        """Put calls of modules or parts of a variable, just before, into the list that alone reads them:
        ``torch.cat([self.a(x), self.b(x)])``, ``ops.concatenate([x[:, ::2], x[:, 1::2]])``."""
        tree = statement.tree
        parts = tree.args[0] if isinstance(tree, ast.Call) and tree.args else None
        if not isinstance(parts, ast.List) or not all(map(is_variable, parts.elts)):
            return
        calls = done[-len(parts.elts) :]
        for call, part in zip(calls, parts.elts, strict=False):
            single = isinstance(call, Statement) and call.targets == [part.value] and self.reads[part.value] == 1
            if not single or not (self._is_simple_call(call.tree) or _is_sliced(call.tree)):
                return
        if len(calls) == len(parts.elts) > 1:
            parts.elts = [call.tree for call in calls]
            del done[-len(calls) :]

    def _stack(self, done: list[Statement | Compound], statement: Statement) -> None:
        """Put tensors that get an axis each, and are put side by side along it, together: ``torch.stack([x, y], dim=-1)``."""
        tree, (cat, new, stack, name) = statement.tree, _STACKS[self._nests]
        if not isinstance(tree, ast.Call) or ast.unparse(tree.func) != cat or not isinstance(tree.args[0], ast.List):
            return
        parts, axis = tree.args[0].elts, next((each.value for each in tree.keywords if each.arg == name), None)
        made = [next((each for each in done if is_variable(part) and each.targets == [part.value]), None) for part in parts]
        if axis is None or len(parts) < 2 or not all(isinstance(each, Statement) for each in made):
            return
        for each, part in zip(made, parts, strict=True):
            is_new = isinstance(each.tree, ast.Call) and ast.unparse(each.tree.func) == new and len(each.tree.args) == 2
            if not is_new or self.reads[part.value] != 1 or part.value.rank is None or not is_variable(each.tree.args[0]):
                return
            if _axis(each.tree.args[1], part.value.rank) != _axis(axis, part.value.rank):
                return
        tree.args[0].elts = [each.tree.args[0] for each in made]
        tree.func = copy.deepcopy(parse(stack))
        for each in made:
            done.remove(each)

    def _is_simple_call(self, tree: ast.expr) -> bool:
        """Whether it calls a module on variables."""
        return self._nests and hasattr(tree, "layer") and all(map(is_variable, tree.args))

    def _fits(self, previous: Statement | Compound, statement: Statement) -> bool:
        """Whether what ``previous`` gives, which nothing else reads, is written where ``statement`` reads it."""
        if isinstance(previous, Compound) or len(previous.targets) != 1 or self.reads[previous.targets[0]] != 1:
            return False
        inner, outer = previous.tree, statement.tree
        is_short = _written_length(inner) + _written_length(outer) <= LINE
        if self._nests and _reads_on(outer, previous.targets[0]) is not None:
            return is_short and _goes_on(inner)
        if not any(name.value is previous.targets[0] for name in _operands(outer)):
            return False
        if self._nests and _is_part(inner) and (hasattr(outer, "layer") or is_infix(outer)):
            return is_short
        if is_variable(outer):
            return bool(statement.targets) or is_infix(inner)
        if self._activation(statement) is not None and takes_activation(inner):
            return True
        if hasattr(inner, "layer") and not self._nests:
            return False
        if is_infix(outer):
            of_layer = self._nests and _is_unary(previous.node) and any(_layers_in(inner))
            called = isinstance(inner, ast.Call) and _is_of_one(inner)
            return is_short and (is_infix(inner) or hasattr(inner, "layer") or of_layer or called)
        if not isinstance(outer, ast.Call):
            return False
        return is_short and (self._layer_fits(outer, inner) if hasattr(outer, "layer") else self._call_fits(statement, inner))

    def _layer_fits(self, outer: ast.Call, inner: ast.expr) -> bool:
        """Whether a layer is called on an expression right there."""
        kind, of = outer.layer.constructor, getattr(inner, "layer", None)
        if "Norm" in kind and any("Norm" in layer for layer in _layers_in(inner)):
            return False
        if self._nests and len(outer.args) == 1 and _goes_around(kind, inner):
            return True
        return of is not None and (
            kind.startswith(("nn.BatchNorm", "nn.Dropout")) or of.constructor.startswith(("nn.LayerNorm", "nn.RMSNorm"))
        )

    def _call_fits(self, statement: Statement, inner: ast.expr) -> bool:
        """Whether a function is called on an expression right there."""
        if _is_unary(statement.node) and (hasattr(inner, "layer") or is_infix(inner)):
            return True
        return self._nests and hasattr(inner, "layer") and _is_of_one(statement.tree)


_STACKS = {
    True: ("torch.cat", "torch.unsqueeze", "torch.stack", "dim"),
    False: ("ops.concatenate", "ops.expand_dims", "ops.stack", "axis"),
}
"""By whether layers nest, as in PyTorch: what concatenates, what gives an axis, what does both, and what it calls the axis."""


def _axis(tree: ast.expr, rank: int) -> int | None:
    """The axis that is written out, counted from the first."""
    try:
        axis = ast.literal_eval(tree)
    except ValueError:
        return None
    return axis % rank if type(axis) is int else None


_WITH_ACTIVATION = ("layers.Conv", "layers.DepthwiseConv", "layers.Dense")


def takes_activation(tree: ast.expr) -> bool:
    layer = getattr(tree, "layer", None)
    return (
        layer is not None
        and layer.constructor.startswith(_WITH_ACTIVATION)
        and not getattr(tree.constructor, "called_again", False)
        and not any(keyword.arg == "activation" for keyword in tree.constructor.keywords)
    )


def _add_activation(tree: ast.Call, activation: ast.expr) -> None:
    keywords = tree.constructor.keywords
    place = next((index for index, keyword in enumerate(keywords) if keyword.arg == "name"), len(keywords))
    keywords.insert(place, ast.keyword("activation", activation))


def _is_unary(node: Node | None) -> bool:
    """Whether a node computes one tensor element by element."""
    room = room_of(node) if node is not None else None
    return room is not None and room.layout is same and len(node.inputs) == 1


def _reads_on(tree: ast.expr, value: Value) -> ast.expr | None:
    """The variable of ``value`` whose method is called or of which a part is taken; arguments may be sizes of any tensor."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        arguments = ast.Tuple(tree.args, ast.Load())
        if len(variables(arguments)) != sum(_size_of(node) is not None for node in ast.walk(arguments)):
            return None
        tree = tree.func
    held = tree.value if isinstance(tree, ast.Attribute | ast.Subscript) else None
    return held if held is not None and is_variable(held) and held.value is value else None


def _size_of(node: ast.AST) -> Value | None:
    """The value of which a size is asked: that of ``x`` in ``x.shape[0]``."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Constant):
        return None
    shape = node.value
    is_shape = isinstance(shape, ast.Attribute) and shape.attr == "shape" and is_variable(shape.value)
    return shape.value.value if is_shape else None


def _goes_on(tree: ast.expr) -> bool:
    """Whether a method of what an expression gives may be called right there: of a layer's call, of positions, or after
    another method or choice of a part."""
    start, chain = _start(tree)
    is_range = isinstance(start, ast.Call) and ast.unparse(start.func) == "torch.arange"
    return chain < 3 and (hasattr(start, "layer") or is_range or (chain > 0 and is_variable(start)))


def _start(tree: ast.expr) -> tuple[ast.expr, int]:
    """(what the methods of an expression are called of and its parts are taken of, how many of these there are)."""
    chain = 0
    while not hasattr(tree, "layer") and not is_variable(tree):
        if (
            isinstance(tree, ast.Call)
            and isinstance(tree.func, ast.Attribute)
            and not isinstance(tree.func.value, ast.Attribute)
        ):
            if not is_variable(tree.func.value) and isinstance(tree.func.value, ast.Name):  # a function of a module
                break
            tree = tree.func.value
        elif isinstance(tree, ast.Subscript):
            tree = tree.value
        else:
            break
        chain += 1
    return tree, chain


def _is_part(tree: ast.expr) -> bool:
    """Whether it is a part of a variable, or the variable as another type or with more axes: an operand, to a reader."""
    start, chain = _start(tree)
    if not 0 < chain < 3 or not is_variable(start):
        return False
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return all(isinstance(called, ast.Attribute) and called.attr in ("to", "float") for called in calls)


def _is_sliced(tree: ast.expr) -> bool:
    """Whether it takes a part of a variable, with places that are written out."""
    return isinstance(tree, ast.Subscript) and is_variable(tree.value) and len(variables(tree)) == 1


_VIEWS = {"Cast", "Range", "Slice", "Squeeze", "Unsqueeze"}


def _is_view(statement: Statement | Compound) -> bool:
    """Whether it gives one tensor with other axes, a part of it, of another type, or counts."""
    if isinstance(statement, Compound) or statement.node is None or len(statement.targets) != 1:
        return False
    return statement.node.op_type in _VIEWS and not any(_layers_in(statement.tree))


def _unbound(statements: list[Statement | Compound], reads: Counter[Value], text: str) -> list[Statement | Compound]:
    """The statements, with those that take all of one axis apart, in order, as one: ``query, key, value = x.unbind(0)``."""
    found: list[Statement | Compound] = []
    place = 0
    while place < len(statements):
        whole, axis = _selected(statements[place], 0)
        shape = whole.shape if whole is not None and whole.is_tensor else None
        count = shape[axis] if shape is not None and axis < len(shape) > 1 else 0  # sizes, of one axis, may be a tuple
        run = _selections(statements[place:], whole, count) if isinstance(count, int) and reads[whole] == count > 1 else []
        if not run or any(_selected(each, number) != (whole, axis) for number, each in enumerate(run)) or len(run) < count:
            found.append(statements[place])
            place += 1
            continue
        statements = [
            *statements[: place + 1],
            *(each for each in statements[place + 1 :] if not any(each is one for one in run)),
        ]
        tree = fill(text, {"x": lambda whole=whole: variable(whole), "axis": lambda axis=axis: literal(axis)})
        found.append(Statement([each.targets[0] for each in run], tree, None, run[0].scope))
        reads[whole] = 1
        place += 1
    return found


def _selections(statements: list[Statement | Compound], whole: Value, count: int) -> list[Statement | Compound]:
    """The statements that read a tensor, in one block, up to so many."""
    return [each for each in statements if any(name.value is whole for tree in trees([each]) for name in variables(tree))][
        :count
    ]


def _selected(statement: Statement | Compound, number: int) -> tuple[Value | None, int]:
    """The tensor of which a statement takes what has this number on an axis, and the axis; None where it does anything else."""
    tree = statement.tree if isinstance(statement, Statement) and len(statement.targets) == 1 else None
    if isinstance(tree, ast.Call) and ast.unparse(tree.func) == "ops.take" and is_variable(tree.args[0]):
        (place, axis) = tree.args[1], tree.keywords[0].value if tree.keywords else None
        numbers = [node.value if isinstance(node, ast.Constant) else None for node in (place, axis)]
        return (tree.args[0].value, numbers[1]) if numbers[0] == number and numbers[1] is not None else (None, 0)
    if not isinstance(tree, ast.Subscript) or not is_variable(tree.value):
        return None, 0
    *before, last = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    taken = isinstance(last, ast.Constant) and type(last.value) is int and last.value == number
    return (tree.value.value, len(before)) if taken and all(ast.unparse(each) == ":" for each in before) else (None, 0)


def _sunk(statements: list[Statement | Compound], reads: Counter[Value]) -> list[Statement | Compound]:
    """The statements, with views that no layer but one other statement reads right before that."""
    ordered = list(statements)
    for place in range(len(ordered) - 2, -1, -1):
        statement = ordered[place]
        if not _is_view(statement) or reads[statement.targets[0]] != 1:
            continue
        for reader in range(place + 1, len(ordered)):
            if isinstance(ordered[reader], Compound):  # it may give other values to what the statement reads
                break
            if any(name.value is statement.targets[0] for name in variables(ordered[reader].tree)):
                before = reader
                while _is_view(ordered[before - 1]):
                    before -= 1
                if before > place + 1 and not hasattr(ordered[reader].tree, "layer"):
                    ordered.insert(before - 1, ordered.pop(place))
                break
    return ordered


_LIGHT = re.compile(
    r"nn\.(\w*Norm|MaxPool|AvgPool|Adaptive|Dropout|Identity|Flatten|Upsample|\w*LU\b|Hard|Sigmoid|Tanh|Softmax)"
)
"""Layers that a person writes around the convolution, or the like, that they follow."""


def _layers_in(tree: ast.expr) -> list[str]:
    """The constructors of the layers that an expression calls."""
    return [node.layer.constructor for node in ast.walk(tree) if hasattr(node, "layer")]


def _goes_around(outer: str, tree: ast.expr) -> bool:
    """Whether a layer goes around an expression: on a line is one layer of weight, or two modules that hold others."""
    layers = _layers_in(tree)
    heavy = [layer for layer in layers if not _LIGHT.match(layer)]
    if _LIGHT.match(outer):
        return bool(layers)
    if not isinstance(tree, ast.Call):
        return False
    return len(variables(tree)) == 1 and (not heavy or heavy == [outer] == ["nn.Module"])


def _is_of_one(tree: ast.Call) -> bool:
    """Whether a function is called on one variable, and on numbers."""
    return is_variable(tree.args[0]) and len(list(variables(tree))) == 1 if tree.args else False


def _written_length(tree: ast.expr) -> int:
    """How long an expression is in the class of its module, where layers are attributes and some numbers are arguments."""
    text = re.sub(r"self\.(?:\w+\.)*?(\w+(?:\.\d+)*)(?![\w.])", r"self.\1", ast.unparse(tree))
    held = (node for node in ast.walk(tree) if hasattr(node, "parameter"))
    return len(text) + sum(len(f"self.{node.parameter}") - len(ast.unparse(node)) for node in held)


def _operands(tree: ast.expr) -> list[ast.Name]:
    """The variables that stand directly in an arithmetic expression, or directly as an argument of a call."""
    if isinstance(tree, ast.Name):
        return [tree] if hasattr(tree, "value") else []
    if isinstance(tree, ast.Call):
        return [name for argument in tree.args if isinstance(argument, ast.Name) for name in _operands(argument)]
    if is_infix(tree):
        return [name for child in ast.iter_child_nodes(tree) if isinstance(child, ast.expr) for name in _operands(child)]
    return []


class _Substitute(ast.NodeTransformer):
    def __init__(self, value: Value, tree: ast.expr):
        self.value, self.tree = value, tree

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.tree if getattr(node, "value", None) is self.value else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """``x + y`` rather than ``x - -y``, which is the same."""
        self.generic_visit(node)
        is_negative = isinstance(node.right, ast.UnaryOp) and isinstance(node.right.op, ast.USub)
        if is_negative and isinstance(node.op, ast.Add | ast.Sub):
            node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            node.right = node.right.operand
        return node
