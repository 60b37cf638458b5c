"""Calls that do the same become one definition; the numbers in which they differ become its parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.emitters.blocks import Statement, variable
from converter.emitters.expressions import own, parse
from converter.emitters.names import Namespace, identifier, snake_case, without_number
from converter.emitters.structure.calls import Call, called
from converter.emitters.structure.classes import kind_of, name_class
from converter.emitters.structure.given import counts_heads, multiple_of, sizes_of_input
from converter.emitters.structure.readings import MAKE, MISSING, RUN, Function, Reading, written
from converter.emitters.structure.variants import INSIDE, OUTSIDE, STRIDES, Piece, activates, is_padding, joined, places_of
from converter.emitters.structure.variants import widths as widths_of


@dataclass
class Parameter:
    """A number that differs between the calls of a definition. ``default`` is one that most functions taking it have."""

    name: str
    default: Any = None
    has_default: bool = False
    held: bool = False
    """Whether the number is needed when the definition runs, not only when it is constructed."""
    is_class: bool = False
    """Whether it is the class of an activation."""


@dataclass
class Definition:
    """What calls that do the same have in common, as the first of them says it."""

    name: str
    call: Call
    parameters: list[Parameter] = field(default_factory=list)
    conditions: dict[str, str] = field(default_factory=dict)
    """What its method asks, by the attribute that holds it: ``use_residual``."""
    loop: list[str] = field(default_factory=list)
    """The lines that make its modules where it is a sequence of numbered ones."""
    optional: list[tuple[Piece, ast.expr]] = field(default_factory=list)
    """What it runs under a condition, in which x is its first tensor."""
    asked: list[str] = field(default_factory=list)
    """The lines that ask its first tensor for sizes."""
    tensors: int = 0
    """How many tensors it is given before its numbers."""

    def places(self) -> list[str]:
        """What stands in each place of its call, "" for a tensor."""
        return [""] * self.tensors + [parameter.name for parameter in self.parameters if not parameter.has_default]


def define(
    calls: list[Call], constructors: dict[str, ast.expr], definitions: dict[str, Definition], namespace: Namespace
) -> list[tuple[Definition, Call, ast.Call]]:
    """Definitions for calls that have no calls inside, and for each call how it is constructed: ``Name(numbers)``."""
    made = []
    by_kind: dict[str, list[list[Reading]]] = {}
    for readings in alike(calls, constructors, definitions):
        by_kind.setdefault(kind_of(readings[0].call), []).append(readings)
    for variants in by_kind.values():
        for joint in joined(variants):
            name = name_class(joint.readings, namespace)
            definition, keys = define_alike(name, joint.readings, definitions, computes=True, present=joint.present)
            for reading in joint.readings:
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
    name: str,
    readings: list[Reading],
    definitions: dict[str, Definition],
    *,
    computes: bool = False,
    present: Mapping[Piece, list[bool]] | None = None,
) -> tuple[Definition, dict[str, str]]:
    """The definition of calls that do the same, and a place of each parameter by its name.

    ``computes`` lets it compute a number from another where a person would: ``4 * filters``. ``present`` tells of what only
    some of the calls have which of them have it.
    """
    definition = Definition(name, readings[0].call)
    keys = _parametrise(definition, readings, computes, present or {})
    definitions[name] = definition
    return definition, keys


def _parametrise(
    definition: Definition, readings: list[Reading], computes: bool, present: Mapping[Piece, list[bool]]
) -> dict[str, str]:
    """Mark, in the first call, the numbers in which the calls differ; returns a place of each parameter by its name."""
    first = readings[0]
    by_numbers: dict[tuple, list[str]] = {}
    for place in first.numbers:
        numbers = tuple(repr(reading.numbers[place]) for reading in readings)
        role = first.roles[place]
        if len(set(numbers)) > 1:  # a stride that equals a padding does so by chance
            by_numbers.setdefault((numbers, "width" if _measures_width(role) else role), []).append(place)
    names, keys = Namespace(("self", "x", "name", "layers", *first.definitions)), {}
    is_module = any(first.constructors.values())
    definition.asked, asked = sizes_of_input(list(by_numbers.values()), readings, names, is_module=is_module)
    remaining = [[place for place in places if place not in asked] for places in by_numbers.values()]
    written_out = [places for places in remaining if places]
    computed = _computed(written_out, readings) if computes else {}
    groups = [places for places in written_out if id(places) not in computed]
    widths = [places for places in groups if _is_width(places, first)]
    taken: dict[int, str] = {}
    hidden = [places for places in groups if _name(places, first).startswith("hidden_")]
    if len(hidden) > 2:  # then the last width is one of several that are put together
        hidden += [places for places in groups if _name(places, first).startswith("out_") and not _comes_last(places, first)]
    for places in groups:
        if places in widths:
            wanted = _width_name(places, widths, first)
        else:
            wanted = _hidden_name(places, hidden, first) if places in hidden else _name(places, first)
            if wanted == "size":
                wanted = "num_heads" if counts_heads(places[0], readings) else _size_name(places, first)
        taken[id(places)] = names.take(wanted)
        parameter = Parameter(taken[id(places)], is_class=isinstance(first.numbers[places[0]], Function))
        defaults = {repr(first.defaults.get(place, MISSING)) for place in places}
        if len(defaults) == 1 and first.defaults.get(places[0], MISSING) is not MISSING:
            parameter.default, parameter.has_default = first.defaults[places[0]], True
            if isinstance(parameter.default, Function):
                parameter.has_default = any(reading.numbers[places[0]] == parameter.default for reading in readings)
        for place in places:
            parameter.held |= place.startswith(RUN)
            first.mark(place, parameter.name)
        definition.parameters.append(parameter)
        keys[parameter.name] = places[0]
    texts = {place: taken[id(places)] for places in groups for place in places} | asked
    for place, text in asked.items():
        first.mark(place, text)
    for places in written_out:
        if id(places) in computed:
            text, base = computed[id(places)]
            for place in places:
                texts[place] = text.format(taken[id(base)])
                first.mark(place, texts[place])
                for parameter in definition.parameters:
                    parameter.held |= place.startswith(RUN) and parameter.name == taken[id(base)]
    for piece, flags in present.items():
        if not piece.is_neutral and not activates(piece, first):
            _make_optional(definition, piece, flags, readings, texts, names, keys)
    definition.parameters.sort(key=lambda parameter: (parameter.has_default, _rank(parameter.name)))
    return keys


def _measures_width(role: str) -> bool:
    return role in _WIDTHS or role.rpartition("_")[2] in ("channels", "features", *_GIVEN)


def _make_optional(
    definition: Definition,
    piece: Piece,
    flags: list[bool],
    readings: list[Reading],
    texts: Mapping[str, str],
    names: Namespace,
    keys: dict[str, str],
) -> None:
    """Let a piece be there under a condition: of a number that only it needs, of the shapes, or of an argument of its own."""
    first = readings[0]
    condition = _condition(piece, flags, readings, texts)
    if condition is None:
        if piece.is_sum:
            name = "residual"
        elif piece.weights:
            name = piece.weights[-1].rpartition(".")[2]
        elif piece.run:
            name = _run_name(piece, first)
        else:
            tree = piece.owner if piece.is_element else first.constructors[piece.path]
            name = piece.path.rpartition(".")[2]
            name = name if name and not name.isdigit() else snake_case(ast.unparse(tree.func).rpartition(".")[2])
        condition = names.take(identifier(name))
        definition.parameters.append(Parameter(condition, False, True, piece.is_sum))
        keys[condition] = f"{MAKE}{condition}?"
        first.roles[keys[condition]] = ""
        for reading, flag in zip(readings, flags, strict=True):
            reading.numbers[keys[condition]] = flag
    if piece.weights:
        for path in piece.weights:
            made = first.constructors[path]
            first.constructors[path] = ast.IfExp(parse(condition), made, parse("None"))
            if hasattr(made, "buffer"):
                first.constructors[path].buffer = made.buffer
        definition.optional.append((piece, ast.Compare(own(piece.weights[0]), [ast.IsNot()], [parse("None")])))
        return
    if piece.run:
        definition.optional.append((piece, parse(condition)))
        return
    if piece.is_element:
        piece.owner.condition = condition
    elif piece.path:
        constructor = first.constructors[piece.path]
        first.constructors[piece.path] = ast.IfExp(parse(condition), constructor, parse("nn.Identity()"))
    else:
        attribute = condition
        if not condition.isidentifier():
            attribute = names.take("use_residual")
            definition.conditions[attribute] = condition
        held = ast.Name(attribute, ast.Load())
        held.parameter = attribute
        piece.owner.tree = ast.IfExp(held, piece.owner.tree, variable(piece.operand))


def _run_name(piece: Piece, reading: Reading) -> str:
    """The module that runs all of it, or the last layer in it."""
    depth = len(reading.call.module.path.split(".")) if reading.call.module.path else 0
    scopes = [[module.path.split(".") for module in statement.scope or ()] for statement in piece.run]
    shared = [path for path in scopes[0] if len(path) > depth and all(path in scope for scope in scopes)]
    name = shared[-1][-1] if shared else ""
    if name and not name.isdigit():
        return name
    tree = next(statement.tree for statement in reversed(piece.run) if hasattr(statement.tree, "layer_name"))
    name = (reading.call.rest(tree.layer_name) or tree.layer_name).strip("_")
    return name if not name.isdigit() else snake_case(tree.layer.constructor.rpartition(".")[2])


def _condition(piece: Piece, flags: list[bool], readings: list[Reading], texts: Mapping[str, str]) -> str | None:
    """The condition on the arguments that holds where the piece is there and nowhere else, as a person would say it."""
    first = readings[0]
    places = places_of(piece, first)
    for place in places:
        numbers = [reading.numbers[place] for reading in readings]
        if place in texts and is_padding(place, first) and [number != 0 for number in numbers] == flags:
            size = texts[place].removesuffix(" // 2")
            return f"{texts[place]} != 0" if size == texts[place] else f"{size} != 1"
        if place in texts and [number is not None for number in numbers] == flags:
            return f"{texts[place]} is not None"
    around = [*first.numbers] if piece.is_sum else places
    inner, outer = widths_of(around, first)
    is_function = piece.run and not any(first.constructors.values())
    given = [reading.call.given[-1] if is_function and outer and reading.call.given else None for reading in readings]
    given = given if all(type(width) is int for width in given) else []
    if given:
        texts = {outer: repr(first.numbers[outer]), **texts, "": "x.shape[-1]"}
    stride = next((place for place in around if first.roles[place] in STRIDES and place in texts), "")
    strided = [bool(stride) and reading.numbers[stride] != 1 for reading in readings]
    narrow = [bool(inner and outer) and reading.numbers[inner] != reading.numbers[outer] for reading in readings]
    if given:
        narrow = [width != reading.numbers[outer] for width, reading in zip(given, readings, strict=True)]
    changes = [one or other for one, other in zip(strided, narrow, strict=True)]
    wanted = [not flag for flag in flags] if piece.is_sum else flags
    same = "==" if piece.is_sum else "!="
    by_width = f"{texts.get(inner, '')} {same} {texts.get(outer, '')}" if inner in texts and outer in texts else ""
    by_stride = f"{texts[stride]} {same} 1" if stride else ""
    if by_width and by_stride and changes == wanted:
        return f"{by_stride} {'and' if piece.is_sum else 'or'} {by_width}"
    if by_width and narrow == wanted:
        return by_width
    return by_stride if by_stride and strided == wanted else None


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
    first = readings[0]
    named = {id(places): _name(places, first) for places in groups if not _is_width(places, first)}
    inner = [places for places in groups if named.get(id(places), "").startswith("hidden_")]
    outside = [places for places in groups if named.get(id(places), "") in (*INSIDE[:2], "channels", "features")]
    squeezed = [places for places in groups if _is_width(places, first) and _called_inside(places, first) is not None]
    for places in groups:
        have, width = numbers(places), _is_width(places, readings[0])
        padding = readings[0].roles[places[0]] == "padding"
        for base in groups:
            want = numbers(base)
            if base is places or id(base) in found or not all(type(number) is int for number in (*have, *want)):
                continue
            inside = places in squeezed and base not in squeezed and _is_width(base, first)
            if inside or (places in inner and base in outside + inner):
                text = _multiple(have, want)
                if text and not any(other is places for _, other in found.values()):
                    found[id(places)] = (text, base)
                    break
            if max(want) > 0 and have == [-number for number in want]:
                found[id(places)] = ("-{}", base)
                break
            factor = have[0] // want[0] if want[0] else 0
            of_width = width and base not in squeezed and _is_width(base, readings[0])
            if of_width and factor > 1 and have == [factor * number for number in want]:
                found[id(places)] = (f"{factor} * {{}}", base)
            elif not width and all(first.roles[place] == "size" for place in places) and _is_width(base, first):
                text = multiple_of(have, want)
                if text and not counts_heads(places[0], readings):
                    found[id(places)] = (text, base)
            elif padding and readings[0].roles[base[0]] == "kernel_size" and have == [number // 2 for number in want]:
                found[id(places)] = ("{} // 2", base)
            if id(places) in found:
                break
    return found


def _multiple(have: list[int], want: list[int]) -> str:
    """How numbers are computed from others: "4 * {}", "{} // 4", "" where neither is right."""
    for factor in (have[0] // max(want[0], 1), want[0] // max(have[0], 1)):
        if factor > 1:
            if have == [factor * number for number in want]:
                return f"{factor} * {{}}"
            if have == [number // factor for number in want]:
                return f"{{}} // {factor}"
    return ""


def _width_name(places: list[str], widths: list[list[str]], reading: Reading) -> str:
    """ "filters" where there is one width, or for the last; else what the layer says, as "branch1_filters"."""
    kind = next(role for role in (reading.roles[place].rpartition("_")[2] for place in places) if role in _GIVEN)
    if len(widths) == 1:
        return kind
    if (inside := _called_inside(places, reading)) is not None:
        return inside
    order = {place: number for number, place in enumerate(reading.roles)}
    if len(widths) > 2:
        place = next(place for place in places if reading.roles[place].rpartition("_")[2] in _GIVEN)
        layer = next((name for at, name in reading.layer_names.items() if place.startswith(f"{at}.")), "").strip("_")
        words = [word for word in layer.split("_") if not word.isdigit() and word not in ("block", "conv", "layers")]
        if words:
            return identifier(f"{layer}_{kind}", "branch")
    is_last = max(widths, key=lambda group: max(order[place] for place in group)) is places
    return kind if is_last else f"hidden_{kind}"


_GIVEN = ("filters", "units")
_WIDTHS = {*INSIDE, *OUTSIDE, "channels", "features", "hidden_channels", "hidden_features", "groups", "size", ""}
_ORDER = ("in_", "features", "channels", "hidden_", "filters", "units", "out_", "kernel_size", "stride")


def _name(places: list[str], reading: Reading) -> str:
    """What a person calls a number that stands at these places."""
    roles = [(place, reading.roles[place]) for place in places]
    wide = [(place, role) for place, role in reading.roles.items() if role in INSIDE or role in OUTSIDE]
    first = next((place for place, role in wide if role in INSIDE), None)
    last = next((place for place, role in reversed(wide) if role in OUTSIDE), None)
    kinds = {role.rpartition("_")[2] for _, role in roles if role in INSIDE[:2] or role in OUTSIDE}
    kind = "channels" if "channels" in kinds else "features"
    if first in places and last in places:
        return kind
    if first in places and last is None and not any(role in INSIDE[:2] for _, role in roles):
        return kind
    if first in places or last in places:
        return f"{'in' if first in places else 'out'}_{kind}"
    if any(role in INSIDE or role in OUTSIDE for _, role in roles):
        return f"hidden_{kind}"
    return next((without_number(role) for _, role in roles if role), "size")


def _size_name(places: list[str], reading: Reading) -> str:
    """ "size", or of which weight it is the size: "mask_size"."""
    made = (place for place in places if reading.makers.get(place) == "Weight")
    called = (name for place in made for at, name in reading.layer_names.items() if place.startswith(f"{at}."))
    return identifier(f"{next(called, '')}_size", "weight")


def _hidden_name(places: list[str], hidden: list[list[str]], reading: Reading) -> str:
    """What a width inside a module is called: "hidden_channels", or, where there are several, by what has it."""
    name = _name(places, reading)
    if len(hidden) == 1:
        return name
    kind = name.rpartition("_")[2]
    others = [each for each in hidden if each is places or _called_inside(each, reading) is None]
    if _called_inside(places, reading) is not None:
        return _called_inside(places, reading)
    if len(others) == 1:
        return name
    path = places[0].removeprefix(MAKE).split(".")
    inside = [other for other in hidden if other[0].removeprefix(MAKE).split(".")[0] == path[0]]
    if path[0].isdigit() or not path[0].isidentifier() or path[0].startswith(RUN):
        return name
    return f"{path[0]}_{kind}" if inside[-1] is places else f"{path[0]}_hidden_{kind}"


def _called_inside(places: list[str], reading: Reading) -> str | None:
    """What the class that is constructed there calls a width inside of it: "squeeze_channels" of a SqueezeExcitation."""
    for place in places:
        role, maker = reading.roles[place], reading.makers.get(place, "")
        kind = role.rpartition("_")[2]
        if role.startswith("hidden_") and "." not in maker:
            return f"{snake_case(maker).partition('_')[0]}_{kind}"
        if role not in _OWN_WIDTHS and kind in ("channels", "features") and not role.startswith(("in_", "out_")):
            return role
    return None


def _comes_last(places: list[str], reading: Reading) -> bool:
    """Whether the numbers stand in the module that is called last."""
    last = reading.call.items[-1]
    path = called(last) if isinstance(last, Statement) else None
    start = None if path is None else f"{MAKE}{reading.call.relative(path)}."
    return start is not None and any(place.startswith(start) for place in places)


_OWN_WIDTHS = {*INSIDE, *OUTSIDE, "channels", "features", "groups", "size", ""}


def _rank(name: str) -> int:
    hidden = name.rpartition("_")[2] in ("channels", "features") and not name.startswith(("in_", "out_"))
    name = f"hidden_{name}" if hidden else name
    return next((place for place, start in enumerate(_ORDER) if name.startswith(start)), len(_ORDER))


def construction(definition: Definition, reading: Reading, keys: Mapping[str, str]) -> ast.Call:
    """``Name(numbers)`` with the numbers of one of the calls, those that equal their default left out."""
    args, keywords = [], []
    for parameter in definition.parameters:
        number = reading.numbers[keys[parameter.name]]
        if not parameter.has_default:
            args.append(written(number))
        elif repr(number) != repr(parameter.default):
            keywords.append(ast.keyword(parameter.name, written(number)))
    return ast.Call(ast.Name(definition.name, ast.Load()), args, keywords)
