"""Scopes for a graph whose source tells none, from the names of its layers and from blocks that come again.

``conv2_block1_1_conv`` and ``conv2_block2_1_conv`` lie in blocks ``conv2_block1`` and ``conv2_block2``, because both hold the
same layers. Where names only count layers, blocks are stretches that one value enters and one leaves. What is found is where
calls could stand: the emitters find out what is equal, and nothing is computed in another order.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import pairwise

from converter.emitters.names import common_scope, is_generated, snake_case, weight_stem
from converter.graph import Graph, Module, Node, Value

_SEPARATOR = re.compile(r"[/._:\-]+")
_ACTIVATIONS = {"Relu", "LeakyRelu", "Elu", "Selu", "Clip", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Gelu", "Softplus"}
_SUMS = {"Add", "Sum"}
_ENDS = {*_ACTIVATIONS, *_SUMS, "Mul", "Concat"}
"""What follows the last layer of a block and belongs to it."""
_MULTIPLIED = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Linear"}
"""What a block is named after where its layers begin with different letters."""
_SEQUENTIAL = "container.Sequential"
_SHARE = 0.9
"""How much of what there is to read may be left for blocks to be worth it."""
_MOST = 8
"""Parts of a name that may tell a block."""


@dataclass
class _Named:
    """A layer with weights: its place among the nodes, and the parts of its name."""

    place: int
    op_type: str
    parts: tuple[str, ...]
    before: str = ""
    """What goes before the first part in the name of a block."""


@dataclass
class _Block:
    """A stretch of nodes. ``names`` holds what its layers with weights are called inside, by place."""

    start: int
    stop: int
    path: str
    names: dict[int, str] = field(default_factory=dict)
    container: str = ""
    kind: str = "Block"


def repetition(graph: Graph) -> None:
    """Give scopes to the nodes of blocks that come again, unless the source tells scopes."""
    if any(node.scope is not None for node in graph.nodes):
        return
    blocks = _by_name(graph)
    blocks = blocks or _by_form(graph)
    for block in blocks:
        block.kind = _kind(graph, block)
    inside = {place for block in blocks for place in block.names}
    outside = {"_".join(layer.parts) for layer in _named_layers(graph) if layer.place not in inside}
    blocks = [block for block in blocks if block.path not in outside]
    _contain(blocks, outside)
    for block in blocks:
        around = (Module(""), *([Module(block.container, _SEQUENTIAL)] if block.container else []))
        for place in range(block.start, block.stop):
            own = (Module(f"{block.path}.{block.names[place]}"),) if place in block.names else ()
            graph.nodes[place].scope = (*around, Module(block.path, block.kind), *own)


# By name --------------------------------------------------------------------------------------------------------------------


def _by_name(graph: Graph) -> list[_Block]:
    """Blocks whose layers share the beginning of their names, where others have layers of the same further names."""
    waiting = _named_layers(graph)
    found: list[_Block] = []
    while waiting:
        ways = [_runs(waiting, length) for length in range(1, _MOST)] + [_runs([_keyed(layer) for layer in waiting], 1)]
        runs = min(ways, key=lambda runs: _lines(waiting, runs))
        if _lines(waiting, runs) > _SHARE * len(waiting):
            break
        found += [_block(graph, run, length) for run, length in runs]
        covered = {layer.place for run, _ in runs for layer in run}
        waiting = [layer for layer in waiting if layer.place not in covered]
    found.sort(key=lambda block: block.start)
    overlap = any(one.stop > other.start for one, other in pairwise(found))
    return [] if overlap or len({block.path for block in found}) < len(found) else found


def _named_layers(graph: Graph) -> list[_Named]:
    scope = common_scope([value.name for value in graph.weights() if value.weight.trainable])
    found = []
    for place, node in enumerate(graph.nodes):
        weights = _weights(node)
        if not weights:
            continue
        stem = weight_stem(value.weight.name for value in weights)
        candidates = [node.name, stem] if graph.layers else [stem, node.name]
        text = next((text for name in candidates if not is_generated(text := name.removeprefix(scope))), "")
        found.append(_Named(place, node.op_type, tuple(part for part in _SEPARATOR.split(text) if part)))
    return found


def _weights(node: Node) -> list[Value]:
    return [value for value in node.inputs if value is not None and value.weight is not None and value.weight.trainable]


def _runs(layers: Sequence[_Named], length: int) -> list[tuple[list[_Named], int]]:
    """Stretches of layers whose names begin with the same ``length`` parts, those of which there are several alike."""
    alike: dict[tuple, list[list[_Named]]] = defaultdict(list)
    start = 0
    while start < len(layers):
        beginning, stop = layers[start].parts[:length], start + 1
        while stop < len(layers) and layers[stop].parts[:length] == beginning:
            stop += 1
        run = list(layers[start:stop])
        inside = [layer.parts[length:] for layer in run]
        named = all(rest and not "".join(rest).isdigit() for rest in inside)
        if len(run) > 1 and named and len(set(inside)) == len(inside):
            alike[tuple((layer.op_type, rest) for layer, rest in zip(run, inside, strict=True))].append(run)
        start = stop
    return [(run, length) for runs in alike.values() if len(runs) > 1 for run in runs]


def _keyed(layer: _Named) -> _Named:
    """The layer with the number of its block first, as Caffe names them: ``2a``, ``bn``, ``branch2b`` of ``bn2a_branch2b``."""
    found = re.fullmatch(r"([A-Za-z]+)(\d+[a-z]?\d*)", layer.parts[0]) if len(layer.parts) > 1 else None
    if found is None:
        return replace(layer, parts=layer.parts[:1])
    letters = () if layer.op_type in _MULTIPLIED else (found[1],)
    return replace(layer, parts=(found[2], *letters, *layer.parts[1:]), before=found[1])


def _lines(layers: Sequence[_Named], runs: list[tuple[list[_Named], int]]) -> int:
    """About how much there is to read: a line for each layer that is in no block, for each block, and for what a kind holds."""
    kinds = {tuple((layer.op_type, layer.parts[length:]) for layer in run) for run, length in runs}
    return len(layers) - sum(len(run) for run, _ in runs) + len(runs) + sum(len(kind) + 1 for kind in kinds)


def _block(graph: Graph, run: list[_Named], length: int) -> _Block:
    start, stop = run[0].place, run[-1].place + 1
    while stop < len(graph.nodes) and _belongs(graph, start, stop):
        stop += 1
    names = {layer.place: "_".join(layer.parts[length:]) for layer in run}
    before = next((layer.before for layer in run if layer.op_type in _MULTIPLIED), run[0].before)
    return _Block(start, stop, before + "_".join(run[0].parts[:length]), names)


def _belongs(graph: Graph, start: int, place: int) -> bool:
    """Whether the node at ``place`` ends the block that goes from ``start`` to before it: all that it reads, it alone reads, or
    the block reads too."""
    node = graph.nodes[place]
    if node.op_type not in _ENDS or _weights(node):
        return False
    inside = {value for each in graph.nodes[start:place] for value in each.outputs}
    given = [value for value in node.inputs if value is not None and value.weight is None]
    if not any(value in inside for value in given):
        return False
    read = {value for each in graph.nodes[start:place] for value in each.inputs}
    return all(len(value.users) == 1 if value in inside else value in read for value in given)


# By form --------------------------------------------------------------------------------------------------------------------


def _by_form(graph: Graph) -> list[_Block]:
    """Blocks with branches inside that one value enters and one leaves, of which several run the same operators.

    Their layers have names that do no more than count, so that they are counted anew inside.
    """
    stretches = [(start, stop) for start, stop in _stretches(graph) if stop - start > 3]
    forms = {stretch: tuple(node.op_type for node in graph.nodes[slice(*stretch)]) for stretch in stretches}
    count = Counter(forms.values())
    layers = {layer.place: layer for layer in _named_layers(graph)}
    found = []
    for start, stop in (stretch for stretch in stretches if count[forms[stretch]] > 1):
        own = [layers[place] for place in range(start, stop) if place in layers]
        if own:
            found.append(_Block(start, stop, f"blocks.{len(found)}", _counted(own), "blocks"))
    kinds = {tuple(block.names.values()) for block in found}
    return found if len(found) > 2 and 2 * len(kinds) <= len(found) else []


def _stretches(graph: Graph) -> Iterator[tuple[int, int]]:
    """The graph cut wherever a single value is read later; an activation stays with what it follows."""
    last: dict[Value, int] = {value: len(graph.nodes) for value in graph.outputs}
    for place, node in enumerate(graph.nodes):
        for value in node.reads():
            if value.weight is None:
                last[value] = max(last.get(value, 0), place)
    live = {value for value in graph.inputs if value in last}
    start = 0
    for place, node in enumerate(graph.nodes):
        live |= {value for value in node.outputs if value in last}
        live = {value for value in live if last[value] > place}
        following = graph.nodes[place + 1] if place + 1 < len(graph.nodes) else None
        branches = place > start
        activates = following is not None and following.op_type in _ACTIVATIONS and not _weights(following)
        if len(live) == 1 and not (branches and activates and len(next(iter(live)).users) == 1):
            yield start, place + 1
            start = place + 1


def _counted(layers: list[_Named]) -> dict[int, str]:
    """Names without the numbers that count layers in the whole network, counted within the block."""
    seen: dict[tuple[str, ...], list[str]] = defaultdict(list)
    taken: Counter[str] = Counter()
    names = {}
    for layer in layers:
        words = []
        for place, part in enumerate(layer.parts):
            numbers = seen[layer.parts[:place]]
            if not part.isdigit():
                words.append(part)
                continue
            if part not in numbers:
                numbers.append(part)
            if place and numbers.index(part):
                words.append(str(numbers.index(part) + 1))
        name = "_".join(words) or snake_case(layer.op_type)
        taken[name] += 1
        names[layer.place] = name if taken[name] == 1 else f"{name}_{taken[name]}"
    return names


# What they are --------------------------------------------------------------------------------------------------------------


def _kind(graph: Graph, block: _Block) -> str:
    """What a person calls such a block."""
    nodes = graph.nodes[block.start : block.stop]
    inside = {value for node in nodes for value in node.outputs}
    last = next((node for node in reversed(nodes) if node.op_type not in _ACTIVATIONS), nodes[-1])
    through = any(value is not None and value.weight is None and value not in inside for value in last.inputs)
    if last.op_type in _SUMS:
        return "ResidualBlock" if through else "ProjectionBlock"
    return "DenseLayer" if last.op_type == "Concat" and through else "Block"


def _contain(blocks: list[_Block], outside: Set[str]) -> None:
    """Let neighbours whose names are numbered be a sequence, ``res2.0`` and ``res2.1`` in ``res2``, unless a layer ``outside``
    has its name."""
    taken = Counter(_number(block.path)[0] for block in blocks) + Counter(outside)
    start = 0
    while start < len(blocks):
        stem, number = _number(blocks[start].path)
        stop = start + 1
        while stop < len(blocks) and blocks[stop - 1].stop == blocks[stop].start and _number(blocks[stop].path)[0] == stem:
            stop += 1
        run = blocks[start:stop]
        numbers = [_number(block.path)[1] for block in run]
        counts = number is not None and numbers == list(range(number, number + len(run)))
        alone = counts and taken[stem] == len(run)
        alike = len({(block.kind, *block.names.values()) for block in run}) == 1
        if alone and (number == 0 or (number == 1 and alike and len(run) > 2)) and len(run) > 1:
            for block, place in zip(run, numbers, strict=True):
                block.container, block.path = stem, f"{stem}.{place}"
        start = stop


def _number(path: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(.*[A-Za-z][^_.]*)[_.](\d{1,3})", path)
    return (found[1], int(found[2])) if found else (path, None)
