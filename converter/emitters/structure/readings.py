"""What a call of a module does, apart from the numbers in it: equal for calls that can be one definition."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converter.emitters.blocks import Compound, Statement, variables
from converter.emitters.expressions import literal, parse
from converter.emitters.signatures import defaults_of
from converter.emitters.structure.calls import Call, is_own
from converter.graph import Value

if TYPE_CHECKING:
    from converter.emitters.structure.definitions import Definition

MISSING = object()
RUN, MAKE = "run:", "make:"


@dataclass(frozen=True)
class Function:
    """A class or function that is given as an argument: ``nn.ReLU``."""

    name: str

    def __repr__(self) -> str:
        return self.name


ACTIVATIONS = frozenset(
    f"nn.{name}"
    for name in (
        "CELU", "ELU", "GELU", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "LeakyReLU", "LogSigmoid", "Mish", "PReLU",
        "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softsign", "Tanh",
    )
)  # fmt: skip
"""Modules that stand for one another: what differs between the uses of a class is an argument."""


ACTIVATION_MODULES = {
    "F.relu": "nn.ReLU",
    "F.relu6": "nn.ReLU6",
    "F.gelu": "nn.GELU",
    "F.silu": "nn.SiLU",
    "F.elu": "nn.ELU",
    "F.selu": "nn.SELU",
    "F.leaky_relu": "nn.LeakyReLU",
    "F.hardswish": "nn.Hardswish",
    "F.hardsigmoid": "nn.Hardsigmoid",
    "F.softplus": "nn.Softplus",
    "F.mish": "nn.Mish",
    "torch.sigmoid": "nn.Sigmoid",
    "torch.tanh": "nn.Tanh",
}
"""Activations as functions, and the module that applies each with the same further arguments."""


ACTIVATION_FUNCTIONS = frozenset(
    f"ops.{name}"
    for name in (
        "hard_sigmoid", "hard_silu", "log_sigmoid", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "tanh"
    )
)  # fmt: skip
"""Functions of Keras that stand for one another as an argument: ``activation=ops.relu``."""


def is_activation(tree: ast.AST) -> bool:
    """Whether it is a call of such a function on a tensor."""
    alone = isinstance(tree, ast.Call) and len(tree.args) == 1 and not tree.keywords
    return alone and ast.unparse(tree.func) in ACTIVATION_FUNCTIONS


class Reading:
    """The form of a call's body, equal for calls that do the same, and the numbers in it by place.

    ``constructors`` holds the constructor of each layer by path, ``definitions`` what is known of the constructors that are the
    program's own. ``without`` holds ids of what is read as if it were not there: of statements, with the value that they give
    back then, and of elements of a sequence, with None.
    """

    def __init__(
        self,
        call: Call,
        constructors: dict[str, ast.expr],
        definitions: Mapping[str, Definition],
        *,
        without: Mapping[int, Value | None] | None = None,
    ):
        self.call = call
        self.numbers: dict[str, Any] = {}
        self.defaults: dict[str, Any] = {}
        """By place, for arguments that may be left out."""
        self.roles: dict[str, str] = {}
        self.makers: dict[str, str] = {}
        """By place, the function whose argument it is."""
        self._places: dict[str, tuple[ast.AST, str | None]] = {}
        self.layer_names: dict[str, str] = {}
        """By place, the rest of the name of the layer that is constructed there."""
        self.layers: list[str] = []
        """Paths of the layers and weights, in order of use."""
        self.constructors = constructors
        self.definitions = definitions
        self._order: dict[Value, int] = {value: place for place, value in enumerate(call.inputs)}
        self._widths: tuple[str, ...] = ()
        """What the sizes are called of the weight whose constructor is being read."""
        self.elements: dict[int, str] = {}
        """By id, the place of each element of a sequence."""
        self._without = without or {}
        self._same = {item.targets[0]: self._without[id(item)] for item in call.items if id(item) in self._without}
        kept = [(place, item) for place, item in enumerate(call.items) if id(item) not in self._without]
        items = tuple(self._item(item, f"{RUN}{place}") for place, item in kept)
        self.form = (len(call.inputs), items, tuple(map(self._index, call.outputs)))

    def _index(self, value: Value) -> int:
        while value in self._same:
            value = self._same[value]
        return self._order.setdefault(value, len(self._order))

    def _item(self, item: Statement | Compound | Call, place: str) -> Any:
        if isinstance(item, Call):
            given, results = (tuple(map(self._index, values)) for values in (item.inputs, item.outputs))
            return ("call", self.call.relative(item.module.path), item.module.type or item.kind, given, results)
        if isinstance(item, Compound):
            parts = []
            for number, clause in enumerate(item.clauses):
                head = None if clause.tree is None else self._tree(clause.tree, f"{place}.{number}", "")
                targets = tuple(self._index(value) for value in clause.targets)
                function = None if clause.function is None else self._index(clause.function)
                body = tuple(self._item(inner, f"{place}.{number}.{i}") for i, inner in enumerate(clause.body))
                parts.append((clause.keyword, head, targets, function, body))
            return tuple(parts)
        tree = self._tree(item.tree, place, "")
        return tuple(self._index(value) for value in item.targets), tree

    def _tree(self, tree: Any, place: str, role: str) -> Any:
        if isinstance(tree, list):
            return tuple(self._tree(item, f"{place}.{number}", role) for number, item in enumerate(tree))
        if not isinstance(tree, ast.AST):
            return tree
        if isinstance(tree, ast.Name) and hasattr(tree, "value"):
            return self._index(tree.value)
        if is_own(tree):
            return self._layer(tree.attr, place)
        if role == "name" and isinstance(tree, ast.Constant):
            return ("name", self.call.rest(tree.value), None if self.call.rest(tree.value) is not None else tree.value)
        number = None if hasattr(tree, "may_be_none") and _is_none(tree) else _number(tree)
        if number is not MISSING:
            self._enter(place, number, role, tree, None)
            return "#"
        if isinstance(tree, ast.Call):
            return self._call(tree, place)
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult | ast.Div) and not role:
            role = "scale"
        fields = ((name, value) for name, value in ast.iter_fields(tree) if name != "ctx")
        return (type(tree).__name__, *((name, self._tree(value, f"{place}.{name}", role)) for name, value in fields))

    def _call(self, tree: ast.Call, place: str) -> Any:
        function = "" if variables(tree.func) else ast.unparse(tree.func)
        if function in ACTIVATIONS and not tree.args and not tree.keywords:
            self._enter(f"{place}.activation", Function(function), "activation", tree.func, None)
            return "activation"
        if function in ACTIVATION_MODULES and len(tree.args) == 1 and not tree.keywords:
            self._enter(f"{place}.function", Function(ACTIVATION_MODULES[function]), "activation", tree.func, None)
            return ("Call", "activation", self._tree(tree.args[0], f"{place}.0", ""))
        if is_activation(tree):
            self._enter(f"{place}.function", Function(function), "activation", tree.func, None)
            return ("Call", "activation", self._tree(tree.args[0], f"{place}.0", ""))
        method = tree.func.attr if not function and isinstance(tree.func, ast.Attribute) else ""
        defaults, names = self._signature(function)
        names = self._widths if function.startswith("torch.") and self._widths else names

        def is_plain(default: Any) -> bool:
            return _is_number(default) or (default is None and function in self.definitions)

        args = []
        first = len(self.numbers)
        for number, argument in enumerate(tree.args):
            if id(argument) in self._without:
                continue
            if function == "nn.Sequential":
                self.elements[id(argument)] = f"{place}.{number}"
            role = names[number] if number < len(names) else "size" if method in _RESHAPING else ""
            if function in NEUTRAL and number == 1:
                each = argument.elts if isinstance(argument, ast.Tuple) else argument
                args.append(self._tree(each, f"{place}.{number}", NEUTRAL[function]))
                continue
            if (function in _SHAPED or method in _RESHAPING) and isinstance(argument, ast.Tuple):
                args.append(("shape", self._tree(argument.elts, f"{place}.{number}", "size")))
                continue
            at = number if method or names is self._widths else role or number  # a kernel has its size twice
            args.append(self._tree(argument, f"{place}.{at}", role))
        keywords, given = [], {}
        for number, keyword in enumerate(tree.keywords):
            if id(keyword.value) in self._without:
                continue
            at = f"{place}.{keyword.arg or number}"
            if function == "OrderedDict":
                self.elements[id(keyword.value)] = at
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                self.layer_names[place] = self.call.rest(keyword.value.value) or ""
            plain = _number(keyword.value)
            if plain is not MISSING and keyword.arg in defaults and is_plain(defaults[keyword.arg]):
                given[keyword.arg] = plain
            else:
                keywords.append((keyword.arg, self._tree(keyword.value, at, keyword.arg)))
                if isinstance(keyword.value, ast.IfExp) and keyword.arg in defaults:
                    self.defaults |= {f"{at}.{side}": defaults[keyword.arg] for side in ("body", "orelse")}
        said = {keyword.arg for keyword in tree.keywords} - given.keys() | {*names[: len(tree.args)]}
        for name, default in defaults.items():  # in this order, whichever are written
            if name not in said and is_plain(default):
                self._enter(f"{place}.{name}", given.get(name, default), name, tree, name)
                self.defaults[f"{place}.{name}"] = default
        for number in [*self.numbers][first:]:
            self.makers.setdefault(number, function)
        return ("Call", self._tree(tree.func, f"{place}.function", ""), tuple(args), tuple(keywords))

    def _signature(self, function: str) -> tuple[Mapping[str, Any], list[str]]:
        """(defaults, names of the leading arguments) of a function."""
        if function in self.definitions:
            parameters = self.definitions[function].parameters
            defaults = {parameter.name: parameter.default for parameter in parameters if parameter.has_default}
            return defaults, self.definitions[function].places()
        defaults = {name: _single(default) for name, default in defaults_of(function).items()}
        return defaults, _leading(function)

    def _layer(self, path: str, place: str) -> Any:
        relative = self.call.relative(path)
        if path in self.layers:
            return ("own", relative)
        self.layers.append(path)
        constructor = self.constructors.get(path)
        self._widths = getattr(constructor, "widths", ())
        made = None if constructor is None else self._tree(constructor, f"{MAKE}{relative}", "")
        self._widths = ()
        return ("own", relative, getattr(constructor, "buffer", None), made)

    def _enter(self, place: str, number: Any, role: str, tree: ast.AST, keyword: str | None) -> None:
        self.numbers[place] = number
        self.roles[place] = role
        self._places[place] = (tree, keyword)

    def mark(self, place: str, parameter: str) -> None:
        """Say that a parameter stands in this place instead of the number."""
        tree, keyword = self._places[place]
        if keyword is not None:
            given = next((entry for entry in tree.keywords if entry.arg == keyword), None)
            if given is None:
                given = ast.keyword(keyword, written(self.numbers[place]))
                given.is_added = True
                order = _ORDER if keyword in _ORDER else [*self._signature(ast.unparse(tree.func))[0]]
                later = {"name", *order[order.index(keyword) :]}
                place = next((i for i, entry in enumerate(tree.keywords) if entry.arg in later), len(tree.keywords))
                tree.keywords.insert(place, given)
            tree = given.value
        tree.parameter = parameter


_ORDER = ("stride", "padding", "output_padding", "dilation", "groups", "bias")
"""Arguments of a convolution of PyTorch as a person orders them."""

_LEADING = {
    "nn.Conv": ("in_channels", "out_channels", "kernel_size"),
    "nn.BatchNorm": ("num_features",),
    "nn.GroupNorm": ("num_groups", "num_channels"),
    "nn.LayerNorm": ("normalized_shape",),
    "nn.RMSNorm": ("normalized_shape",),
    "nn.Linear": ("in_features", "out_features"),
    "nn.Embedding": ("num_embeddings", "embedding_dim"),
    "nn.MaxPool": ("kernel_size",),
    "nn.AvgPool": ("kernel_size",),
    "nn.LSTM": ("input_size", "hidden_size"),
    "nn.GRU": ("input_size", "hidden_size"),
    "range": ("depth",),
    "layers.Conv": ("filters", "kernel_size"),
    "layers.DepthwiseConv": ("kernel_size",),
    "layers.Dense": ("units",),
    "layers.ZeroPadding": ("padding",),
    "layers.MaxPooling": ("pool_size",),
    "layers.AveragePooling": ("pool_size",),
}


NEUTRAL = {"torch.roll": "shift", "ops.roll": "shift", "F.pad": "padding"}
"""Functions that are the identity where their second argument is 0, or each number in it, and what such a number is called."""

_SHAPED = ("layers.Reshape", "ops.reshape", "Weight")
"""Functions that take a shape, in which each size is a number of its own."""

_RESHAPING = ("reshape", "unflatten")
"""Methods that do."""


def _leading(function: str) -> tuple[str, ...]:
    return next((names for start, names in _LEADING.items() if function.startswith(start)), ())


def _single(default: Any) -> Any:
    """The default of strides and the like as a person writes it: 1 for (1, 1)."""
    same = isinstance(default, tuple | list) and len(default) > 1 and len(set(map(repr, default))) == 1
    return default[0] if same else default


def written(number: Any) -> ast.expr:
    """A number, or a function, as the argument of a call."""
    return copy.deepcopy(parse(number.name)) if isinstance(number, Function) else literal(number)


def _number(tree: ast.AST) -> Any:
    """The plain number, or tuple of numbers, or activation that a tree writes out; ``MISSING`` for any other tree."""
    if isinstance(tree, ast.Attribute):
        name = ast.unparse(tree)
        return Function(name) if name in ACTIVATIONS | ACTIVATION_FUNCTIONS else MISSING
    if isinstance(tree, ast.Constant):
        return tree.value if _is_number(tree.value) else MISSING
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _number(tree.operand)
        return -inner if isinstance(inner, int | float) and not isinstance(inner, bool) else MISSING
    if isinstance(tree, ast.Tuple) and tree.elts:
        items = tuple(_number(item) for item in tree.elts)
        return MISSING if any(item is MISSING for item in items) else items
    return MISSING


def _is_none(tree: ast.AST) -> bool:
    return isinstance(tree, ast.Constant) and tree.value is None


def _is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return value != () and all(map(_is_number, value))
    return isinstance(value, bool | int | float | Function)
