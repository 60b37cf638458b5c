"""Calls that do the same become one definition; the numbers in which they differ become its parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.emitters.blocks import Compound, Statement, variables
from converter.emitters.expressions import literal, parse
from converter.emitters.names import Namespace, class_name, snake_case
from converter.emitters.signatures import defaults_of
from converter.emitters.structure.calls import Call, called, is_own
from converter.graph import Value


@dataclass
class Parameter:
    """A number that differs between the calls of a definition. ``default`` is one that most functions taking it have."""

    name: str
    default: Any = None
    has_default: bool = False
    held: bool = False
    """Whether the number is needed when the definition runs, not only when it is constructed."""


@dataclass
class Definition:
    """What calls that do the same have in common, as the first of them says it."""

    name: str
    call: Call
    parameters: list[Parameter] = field(default_factory=list)
    tensors: int = 0
    """How many tensors it is given before its numbers."""

    def places(self) -> list[str]:
        """What stands in each place of its call, "" for a tensor."""
        return [""] * self.tensors + [parameter.name for parameter in self.parameters if not parameter.has_default]


_MISSING = object()
_RUN, _MAKE = "run:", "make:"
OPTIONAL = "make:optional"
"""The place of the number that tells whether a definition's optional module is there."""


class Reading:
    """The form of a call's body, equal for calls that do the same, and the numbers in it by place.

    ``constructors`` holds the constructor of each layer by path, ``definitions`` what is known of the constructors that are the
    program's own. ``without`` is a statement of one module's call on one value that is read as if it gave that value back.
    """

    def __init__(
        self,
        call: Call,
        constructors: dict[str, ast.expr],
        definitions: Mapping[str, Definition],
        *,
        without: Statement | None = None,
    ):
        self.call = call
        self.numbers: dict[str, Any] = {}
        self.defaults: dict[str, Any] = {}
        """By place, for arguments that may be left out."""
        self.roles: dict[str, str] = {}
        self._places: dict[str, tuple[ast.AST, str | None]] = {}
        self.layer_names: dict[str, str] = {}
        """By place, the rest of the name of the layer that is constructed there."""
        self.layers: list[str] = []
        """Paths of the layers and weights, in order of use."""
        self.constructors = constructors
        self.definitions = definitions
        self._order: dict[Value, int] = {value: place for place, value in enumerate(call.inputs)}
        self._same = {} if without is None else {without.targets[0]: without.tree.args[0].value}
        kept = [(place, item) for place, item in enumerate(call.items) if item is not without]
        items = tuple(self._item(item, f"{_RUN}{place}") for place, item in kept)
        self.form = (len(call.inputs), items, tuple(map(self._index, call.outputs)))

    def _index(self, value: Value) -> int:
        return self._order.setdefault(self._same.get(value, value), len(self._order))

    def _item(self, item: Statement | Compound | Call, place: str) -> Any:
        if isinstance(item, Call):
            raise TypeError("calls inside are read before those around them")
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
        number = _number(tree)
        if number is not _MISSING:
            self._enter(place, number, role, tree, None)
            return "#"
        if isinstance(tree, ast.Call):
            return self._call(tree, place)
        fields = ((name, value) for name, value in ast.iter_fields(tree) if name != "ctx")
        return (type(tree).__name__, *((name, self._tree(value, f"{place}.{name}", role)) for name, value in fields))

    def _call(self, tree: ast.Call, place: str) -> Any:
        function = "" if variables(tree.func) else ast.unparse(tree.func)
        defaults, names = self._signature(function)
        args = []
        for number, argument in enumerate(tree.args):
            role = names[number] if number < len(names) else ""
            if function in _SHAPED and isinstance(argument, ast.Tuple):
                args.append(("shape", self._tree(argument.elts, f"{place}.{number}", "size")))
                continue
            args.append(self._tree(argument, f"{place}.{role or number}", role))
        keywords, given = [], {}
        for keyword in tree.keywords:
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                self.layer_names[place] = self.call.rest(keyword.value.value) or ""
            number = _number(keyword.value)
            if number is not _MISSING and keyword.arg in defaults and _is_number(defaults[keyword.arg]):
                given[keyword.arg] = number
            else:
                keywords.append((keyword.arg, self._tree(keyword.value, f"{place}.{keyword.arg}", keyword.arg)))
        written = {keyword.arg for keyword in tree.keywords} - given.keys() | {*names[: len(tree.args)]}
        for name, default in defaults.items():  # in this order, whichever are written
            if name not in written and _is_number(default):
                self._enter(f"{place}.{name}", given.get(name, default), name, tree, name)
                self.defaults[f"{place}.{name}"] = default
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
        made = None if constructor is None else self._tree(constructor, f"{_MAKE}{relative}", "")
        return ("own", relative, getattr(constructor, "buffer", None), made)

    def _enter(self, place: str, number: Any, role: str, tree: ast.AST, keyword: str | None) -> None:
        self.numbers[place] = number
        self.roles[place] = role
        self._places[place] = (tree, keyword)

    def make_optional(self, path: str) -> None:
        """Let the module at ``path`` be constructed only where a parameter says so."""
        flag, constructor = ast.Constant(True), self.constructors[path]
        name = path.rpartition(".")[2]
        if name.isdigit():
            name = snake_case(ast.unparse(constructor.func).rpartition(".")[2])
        self.constructors[path] = ast.IfExp(flag, constructor, parse("nn.Identity()"))
        self._enter(OPTIONAL, True, name, flag, None)
        self.defaults[OPTIONAL] = False

    def mark(self, place: str, parameter: str) -> None:
        """Say that a parameter stands in this place instead of the number."""
        tree, keyword = self._places[place]
        if keyword is not None:
            given = next((entry for entry in tree.keywords if entry.arg == keyword), None)
            if given is None:
                given = ast.keyword(keyword, literal(self.numbers[place]))
                given.is_added = True
                place = next((i for i, entry in enumerate(tree.keywords) if entry.arg == "name"), len(tree.keywords))
                tree.keywords.insert(place, given)
            tree = given.value
        tree.parameter = parameter


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
    "layers.Conv": ("filters", "kernel_size"),
    "layers.DepthwiseConv": ("kernel_size",),
    "layers.Dense": ("units",),
    "layers.ZeroPadding": ("padding",),
    "layers.MaxPooling": ("pool_size",),
    "layers.AveragePooling": ("pool_size",),
}


_SHAPED = ("layers.Reshape", "ops.reshape")
"""Functions that take a shape, in which each size is a number of its own."""


def _leading(function: str) -> tuple[str, ...]:
    return next((names for start, names in _LEADING.items() if function.startswith(start)), ())


def _single(default: Any) -> Any:
    """The default of strides and the like as a person writes it: 1 for (1, 1)."""
    same = isinstance(default, tuple | list) and len(default) > 1 and len(set(map(repr, default))) == 1
    return default[0] if same else default


def _number(tree: ast.AST) -> Any:
    """The plain number, or tuple of numbers, that a tree writes out; ``_MISSING`` for any other tree."""
    if isinstance(tree, ast.Constant):
        return tree.value if _is_number(tree.value) else _MISSING
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _number(tree.operand)
        return -inner if isinstance(inner, int | float) and not isinstance(inner, bool) else _MISSING
    if isinstance(tree, ast.Tuple) and tree.elts:
        items = tuple(_number(item) for item in tree.elts)
        return _MISSING if any(item is _MISSING for item in items) else items
    return _MISSING


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, tuple) and value != () and all(map(_is_number, value)))


def define(
    calls: list[Call], constructors: dict[str, ast.expr], definitions: dict[str, Definition], namespace: Namespace
) -> list[tuple[Definition, Call, ast.Call]]:
    """Definitions for calls that have no calls inside, and for each call how it is constructed: ``Name(numbers)``."""
    made = []
    by_kind: dict[str, list[list[Reading]]] = {}
    for readings in alike(calls, constructors, definitions):
        by_kind.setdefault(kind_of(readings[0].call), []).append(readings)
    for kind, variants in by_kind.items():
        for readings in _merged(variants):
            name = namespace.take(class_name(kind.rpartition(".")[2]), joint="")
            definition, keys = define_alike(name, readings, definitions)
            for reading in readings:
                made.append((definition, reading.call, construction(definition, reading, keys)))
    return made


def alike(calls: list[Call], constructors: dict[str, ast.expr], definitions: Mapping[str, Definition]) -> list[list[Reading]]:
    """Calls of one kind that do the same, most first."""
    groups: dict[Any, list[Reading]] = {}
    for call in calls:
        reading = Reading(call, constructors, definitions)
        groups.setdefault((kind_of(call), reading.form), []).append(reading)
    return sorted(groups.values(), key=lambda readings: -len(readings))


def define_alike(
    name: str, readings: list[Reading], definitions: dict[str, Definition], *, computes: bool = False
) -> tuple[Definition, dict[str, str]]:
    """The definition of calls that do the same, and a place of each parameter by its name.

    ``computes`` lets it compute a number from another where a person would: ``4 * filters``.
    """
    definition = Definition(name, readings[0].call)
    keys = _parametrise(definition, readings, computes)
    definitions[name] = definition
    return definition, keys


def _merged(variants: list[list[Reading]]) -> list[list[Reading]]:
    """The variants of one kind, two joined where they differ in one module that is left out: there it is the identity."""
    for plain in variants:
        for full in (other for other in variants if other is not plain):
            path = _join(plain, full)
            if path is not None:
                return _merged([full + plain, *(each for each in variants if each is not plain and each is not full)])
    return variants


def _join(plain: list[Reading], full: list[Reading]) -> str | None:
    """The path of the module that only ``full`` has; the numbers of ``plain`` are put where those of ``full`` stand."""
    first = full[0]
    for item in first.call.items:
        path = called(item)
        if path is None or len(item.tree.args) != 1 or path not in first.constructors or OPTIONAL in first.numbers:
            continue
        reduced = Reading(first.call, first.constructors, first.definitions, without=item)
        if reduced.form != plain[0].form or path in reduced.layers or [*reduced.roles.values()] != [*plain[0].roles.values()]:
            continue
        for reading in full:
            reading.numbers[OPTIONAL] = True
        for reading in plain:
            own = dict(zip(reduced.numbers, reading.numbers.values(), strict=True))
            reading.numbers = {place: own.get(place, _MISSING) for place in first.numbers} | {OPTIONAL: False}
            _complete(reading, full)
        first.make_optional(path)
        return path
    return None


def _complete(reading: Reading, full: list[Reading]) -> None:
    """Give numbers to what is not there: those of a place where the others have the same numbers as there."""
    by_numbers: dict[str, str] = {}
    for place, number in reading.numbers.items():
        if number is not _MISSING:
            by_numbers.setdefault(repr([each.numbers[place] for each in full]), place)
    for place, number in list(reading.numbers.items()):
        if number is _MISSING:
            numbers = [each.numbers[place] for each in full]
            like = by_numbers.get(repr(numbers))
            reading.numbers[place] = numbers[0] if like is None else reading.numbers[like]


def kind_of(call: Call) -> str:
    """The class of the module in the source, or a name for it where the source tells none."""
    return call.module.type or _stem(call.module.path)


def _stem(path: str) -> str:
    """A class name for a module that has none in the source: "Layer" for "layers.3", "Block" for "h.0"."""
    words = [part for part in path.split(".") if not part.isdigit()]
    stem = words[-1].rstrip("0123456789_") if words else ""
    if path.rpartition(".")[2].isdigit() and stem.endswith("s") and not stem.endswith("ss"):
        stem = stem[:-1]
    return stem.capitalize() if len(stem) > 1 else "Block"


def _parametrise(definition: Definition, readings: list[Reading], computes: bool) -> dict[str, str]:
    """Mark, in the first call, the numbers in which the calls differ; returns a place of each parameter by its name."""
    first = readings[0]
    by_numbers: dict[tuple, list[str]] = {}
    for place in first.numbers:
        numbers = tuple(repr(reading.numbers[place]) for reading in readings)
        role = first.roles[place]
        if len(set(numbers)) > 1:  # a stride that equals a padding does so by chance
            is_width = role in _WIDTHS or role.endswith(_GIVEN)
            by_numbers.setdefault((numbers, "width" if is_width else role), []).append(place)
    names, keys = Namespace(("self", "x", "name")), {}
    computed = _computed(list(by_numbers.values()), readings) if computes else {}
    widths = [places for places in by_numbers.values() if id(places) not in computed and _is_width(places, first)]
    taken: dict[int, str] = {}
    for places in by_numbers.values():
        if id(places) in computed:
            continue
        taken[id(places)] = names.take(_width_name(places, widths, first) if places in widths else _name(places, first))
        parameter = Parameter(taken[id(places)])
        defaults = {repr(first.defaults.get(place, _MISSING)) for place in places}
        if len(defaults) == 1 and first.defaults.get(places[0], _MISSING) is not _MISSING:
            parameter.default, parameter.has_default = first.defaults[places[0]], True
        for place in places:
            parameter.held |= place.startswith(_RUN)
            first.mark(place, parameter.name)
        definition.parameters.append(parameter)
        keys[parameter.name] = places[0]
    for places in by_numbers.values():
        if id(places) in computed:
            text, base = computed[id(places)]
            for place in places:
                first.mark(place, text.format(taken[id(base)]))
    definition.parameters.sort(key=lambda parameter: (parameter.has_default, _rank(parameter.name)))
    return keys


def _is_width(places: list[str], reading: Reading) -> bool:
    """Whether a number is how many channels a layer of Keras gives."""
    return any(reading.roles[place].rpartition("_")[2] in _GIVEN for place in places)


def _computed(groups: list[list[str]], readings: list[Reading]) -> dict[int, tuple[str, list[str]]]:
    """Numbers that a person computes from another: (how, the places of the other).

    Widths that are always so many times another, as a bottleneck's last is four times its first, and the padding that is half
    the size of a kernel.
    """

    def numbers(places: list[str]) -> list[Any]:
        return [reading.numbers[places[0]] for reading in readings]

    found: dict[int, tuple[str, list[str]]] = {}
    for places in groups:
        have, width = numbers(places), _is_width(places, readings[0])
        padding = readings[0].roles[places[0]] == "padding"
        for base in groups:
            want = numbers(base)
            if base is places or id(base) in found or not all(type(number) is int for number in (*have, *want)):
                continue
            factor = have[0] // want[0] if want[0] else 0
            if width and _is_width(base, readings[0]) and factor > 1 and have == [factor * number for number in want]:
                found[id(places)] = (f"{factor} * {{}}", base)
            elif padding and readings[0].roles[base[0]] == "kernel_size" and have == [number // 2 for number in want]:
                found[id(places)] = ("{} // 2", base)
            if id(places) in found:
                break
    return found


def _width_name(places: list[str], widths: list[list[str]], reading: Reading) -> str:
    """ "filters" where there is one width, or for the last; else what the layer says, as "branch1_filters"."""
    kind = next(role for role in (reading.roles[place].rpartition("_")[2] for place in places) if role in _GIVEN)
    if len(widths) == 1:
        return kind
    order = {place: number for number, place in enumerate(reading.roles)}
    if len(widths) > 2:
        place = next(place for place in places if reading.roles[place].rpartition("_")[2] in _GIVEN)
        layer = next((name for at, name in reading.layer_names.items() if place.startswith(f"{at}.")), "").strip("_")
        words = [word for word in layer.split("_") if not word.isdigit() and word not in ("block", "conv", "layers")]
        if words:
            return f"{layer}_{kind}"
    is_last = max(widths, key=lambda group: max(order[place] for place in group)) is places
    return kind if is_last else f"hidden_{kind}"


_GIVEN = ("filters", "units")
_INSIDE = ("in_channels", "in_features", "num_features", "normalized_shape", "num_channels")
_OUTSIDE = ("out_channels", "out_features", "filters", "units")
_WIDTHS = {*_INSIDE, *_OUTSIDE, "channels", "features", "hidden_channels", "hidden_features", "groups", "size", ""}
_ORDER = ("in_", "features", "channels", "hidden_", "filters", "units", "out_", "kernel_size", "stride")


def _name(places: list[str], reading: Reading) -> str:
    """What a person calls a number that stands at these places."""
    roles = [(place, reading.roles[place]) for place in places]
    wide = [(place, role) for place, role in reading.roles.items() if role in _INSIDE or role in _OUTSIDE]
    first = next((place for place, role in wide if role in _INSIDE), None)
    last = next((place for place, role in reversed(wide) if role in _OUTSIDE), None)
    kinds = {role.rpartition("_")[2] for _, role in roles if role in _INSIDE[:2] or role in _OUTSIDE}
    kind = "channels" if "channels" in kinds else "features"
    if first in places and last in places:
        return kind
    if first in places or last in places:
        return f"{'in' if first in places else 'out'}_{kind}"
    if any(role in _INSIDE or role in _OUTSIDE for _, role in roles):
        return f"hidden_{kind}"
    return next((role for _, role in roles if role), "size")


def _rank(name: str) -> int:
    return next((place for place, start in enumerate(_ORDER) if name.startswith(start)), len(_ORDER))


def construction(definition: Definition, reading: Reading, keys: Mapping[str, str]) -> ast.Call:
    """``Name(numbers)`` with the numbers of one of the calls, those that equal their default left out."""
    args, keywords = [], []
    for parameter in definition.parameters:
        number = reading.numbers[keys[parameter.name]]
        if not parameter.has_default:
            args.append(literal(number))
        elif repr(number) != repr(parameter.default):
            keywords.append(ast.keyword(parameter.name, literal(number)))
    return ast.Call(ast.Name(definition.name, ast.Load()), args, keywords)
