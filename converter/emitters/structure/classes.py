"""Which calls are of one kind where the source tells no classes: those that do the same, and, of these, those called alike."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from converter.emitters.blocks import Statement, variables
from converter.emitters.expressions import parse
from converter.emitters.names import Namespace, class_name
from converter.emitters.structure.calls import Call, own_paths
from converter.emitters.structure.readings import ACTIVATION_MODULES, ACTIVATIONS, Reading


def kind_of(call: Call) -> str:
    """The class of the module in the source, or what stands for it where the source tells none."""
    return call.module.type or call.kind or stem(call.module.path)


def find_kinds(root: Call, constructors: dict[str, ast.expr]) -> None:
    """Give each call whose class the source does not tell the kind that it has in common with others.

    Calls are of one kind that do the same but for the numbers, whatever they are called: ``branch1`` and ``conv2``. Where those
    of two kinds have a name in common, ``layer1.0`` and ``layer2.0``, and none lies in the other, they may be variants of one.
    """
    forms: dict[Any, str] = {}
    members: dict[str, list[Call]] = defaultdict(list)
    for each in root.walk():
        if each is not root and not each.module.type:
            each.kind = forms.setdefault(Reading(each, constructors, {}).form, f"kind {len(forms)}")
            members[each.kind].append(each)
    named: dict[str, dict[str, None]] = defaultdict(dict)
    for kind, calls in members.items():
        for each in calls:
            named[stem(each.module.path)][kind] = None
    joint = {kind: kind for kind in members}
    for kinds in named.values():
        for one, other in combinations(kinds, 2):
            one, other = joint[one], joint[other]
            if one != other and not _lie_in(members[one], members[other]) and not _lie_in(members[other], members[one]):
                members[one] += members.pop(other)
                joint = {kind: one if last == other else last for kind, last in joint.items()}
    for kind, calls in members.items():
        for each in calls:
            each.kind = kind


def _lie_in(inner: Iterable[Call], outer: Iterable[Call]) -> bool:
    inside = {id(call) for each in outer for call in each.walk() if call is not each}
    return any(id(each) in inside for each in inner)


def stem(path: str) -> str:
    """A class name for a module that has none in the source: "Layer" for "layers.3", "Block" for "h.0"."""
    words = [part for part in path.split(".") if not part.isdigit()]
    text = words[-1].rstrip("0123456789_") if words else ""
    if path.rpartition(".")[2].isdigit() and text.endswith("s") and not text.endswith("ss"):
        text = text[:-1]
    return text.capitalize() if len(text) > 1 else "Block"


# Names -----------------------------------------------------------------------------------------------------------------------


def name_class(readings: list[Reading], namespace: Namespace) -> str:
    """What the class of these calls is called, a name that no other has."""
    names = _names_for(readings)
    return namespace.take(next((name for name in names if name not in namespace), names[0]), joint="")


def _names_for(readings: list[Reading]) -> list[str]:
    """What the class of these calls may be called, the best name first.

    That of its class in the source; else what the source calls it, or, where that is a number or it has several, what it does.
    """
    calls = [reading.call for reading in readings]
    if calls[0].module.type:
        return [class_name(calls[0].module.type.rpartition(".")[2])]
    stems = [name for name, _ in Counter(stem(call.module.path) for call in calls).most_common()]
    name = stems[0] if len(stems) == 1 else _in_common(stems)
    does = [found for found in (work(readings) for work in (_chain, _product, _sum)) if found]
    tells = name not in ("", *_WORDS) and not any(call.module.path.rpartition(".")[2].isdigit() for call in calls)
    block = "Block" if name in _ALL or all(re.search(r"\d\.\d+$", call.module.path) for call in calls) else ""
    names = [_attention(readings), _gate(readings), *([name, *does] if tells else [*does, block, name]), *stems]
    return [class_name(_PARTS.sub(lambda found: found[0].capitalize(), each)) for each in names if each]


_ALL = ("Body", "Feature", "Model", "Module", "Net")
"""What says nothing of the elements of a list that is called so; nor does "stage2" of its own."""
_PARTS = re.compile(r"(?<=[A-Za-z]{3})(attention|block|embed|embeddings|head|layer|norm|stage)$")
"""Words with which the name of a class may end: "Denselayer" is a "DenseLayer"."""


def _in_common(stems: list[str]) -> str:
    """What names that are counted have in common, "Inception" of "Inception3a" and "Inception4b", or the words that they begin
    or end with, "Mlp" of "Mlp_tokens" and "Mlp_channels"; "" where there is nothing."""
    found = {re.sub(r"_?\d+[a-z]?$", "", each) for each in stems}
    if len(found) == 1:
        return found.pop()
    words = [each.split("_") for each in stems]
    shared = next((found.pop() for place in (0, -1) if len(found := {each[place].lower() for each in words}) == 1), "")
    return shared.capitalize() if len(shared) > 1 else ""


def _attention(readings: list[Reading]) -> str:
    """A name for what attends, unless it has one: "SelfAttention" of what is called "self"."""
    name = stem(readings[0].call.module.path)
    if "att" in name.lower():
        return ""
    attends = any("scaled_dot_product_attention" in ast.unparse(item.tree) for item in _statements(readings[0]))
    counted = readings[0].call.module.path.rpartition(".")[2].isdigit() or name == "Block"
    return "" if not attends else "Attention" if counted else f"{name}Attention"


_WORDS = {"Conv": "Conv", "ConvTranspose": "ConvTranspose", "BatchNorm": "BN", "LayerNorm": "Norm", "Linear": "Linear"}
"""Layers, and what they are called in the name of a chain of them."""


def _chain(readings: list[Reading]) -> str:
    """Two or three layers one after the other: "ConvBNReLU", "ConvBNAct" where calls have other activations."""
    first, words = readings[0], []
    for item in first.call.items:
        tree = item.tree if isinstance(item, Statement) else None
        if not isinstance(tree, ast.Call) or len(variables(tree)) != 1:
            return ""
        function = ast.unparse(tree.func)
        path = own_paths(tree.func)
        made = first.constructors.get(path[0]) if path else parse(ACTIVATION_MODULES.get(function, "None"))
        made = made.func if isinstance(made, ast.Call) else made
        name = "" if made is None else ast.unparse(made).removeprefix("nn.")
        if f"nn.{name}" in ACTIVATIONS:
            given = {repr(each.numbers[at]) for at, role in first.roles.items() if role == "activation" for each in readings}
            words.append(name if len(given) == 1 else "Act")
        else:
            words.append(_WORDS.get(re.sub(r"\dd$", "", name), ""))
    if words == ["Conv", "Conv"]:
        return "SeparableConv" if "groups" in ast.unparse(first.constructors[first.layers[0]]) else ""
    return "".join(words) if all(words) and 1 < len(words) < 4 else ""


def _product(readings: list[Reading]) -> str:
    """A product with a matrix of its own, and a sum with a vector."""
    trees = [item.tree for item in _statements(readings[0])]
    plain = len(trees) < 3 and all(isinstance(tree, ast.BinOp) and len(variables(tree)) == 1 for tree in trees)
    operators = {type(node) for tree in trees for node in ast.walk(tree)}
    return "Projection" if plain and ast.MatMult in operators and operators.isdisjoint({ast.Mult, ast.Call}) else ""


def _gate(readings: list[Reading]) -> str:
    """What it computes of the mean of its input over all places, times its input."""
    first = readings[0]
    last = first.call.items[-1]
    sides = (last.tree.left, last.tree.right) if isinstance(getattr(last, "tree", None), ast.BinOp) else ()
    gates = sides and isinstance(last.tree.op, ast.Mult) and any(getattr(s, "value", 0) in first.call.inputs for s in sides)
    made = [ast.unparse(first.constructors[path]) for path in first.layers if path in first.constructors]
    pools = any(text.startswith("nn.AdaptiveAvgPool") for text in made)
    pools |= any("torch.mean" in ast.unparse(item.tree) for item in _statements(first))
    return "SqueezeExcitation" if gates and pools else ""


def _sum(readings: list[Reading]) -> str:
    """A sum with its input, or with what is made of it; inverted where more channels than come in are each convolved alone."""
    first = readings[0]
    sums = any(isinstance(item.tree, ast.BinOp) and isinstance(item.tree.op, ast.Add) for item in _statements(first))
    widths = [place for place, role in first.roles.items() if role.endswith("channels")]
    if not sums or not widths:
        return ""
    wider = {first.numbers[place] for place in widths if first.numbers[place] > first.numbers[widths[0]]}
    wide = any(role == "groups" and first.numbers[place] in wider for place, role in first.roles.items())
    return "InvertedResidual" if wide else "ResidualBlock"


def _statements(reading: Reading) -> list[Statement]:
    return [item for item in reading.call.items if isinstance(item, Statement)]
