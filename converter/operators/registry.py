"""Where rooms are entered and found.

A room holds all this project knows of one operator: how it treats axis order, what it is in PyTorch, what it is in Keras and
what it refuses. A package of the user's own adds rooms with the same decorator through the entry point ``converter.operators``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter import functions, plugins
from converter.emitters.layout import Rule, logical, same, spatial
from converter.errors import Problem
from converter.graph import MATLAB_DOMAIN, Graph, Node, Shape, onnx_schema

TARGETS = ("pytorch", "keras")
Inferred = tuple[np.dtype | type | None, Shape | None]
"""Type and shape of an output."""


@dataclass(frozen=True)
class Room:
    """What is known of one operator.

    ``pytorch`` and ``keras`` take a ``Site`` and return a ``Layer``, an expression, the text of a template, or a list of these,
    one for each output. ``restrict`` returns why a node is refused in a target, or None. ``activation`` returns the name under
    which Keras layers take the operator as their ``activation``, or None. ``infer`` returns type and shape of each output, for
    an operator of which the standard does not tell them.
    """

    op_type: str
    domain: str
    layout: Rule
    pytorch: Callable[[Any], Any] | None
    keras: Callable[[Any], Any] | None
    restrict: Callable[[Node, str], str | None] | None = None
    activation: Callable[[Node], str | None] | None = None
    restrictions: str = ""
    any_type: bool = False
    infer: Callable[[Node], list[Inferred]] | None = None

    def supports(self, target: str) -> bool:
        return getattr(self, target) is not None


_rooms: dict[tuple[str, str], Room] = {}
_string_rooms: dict[tuple[str, str], Room] = {}
"""What an operator is where it reads or gives strings, which no target has tensors of."""


def like_first(node: Node) -> list[Inferred]:
    """The output has type and shape of the first input, as ``infer`` says it."""
    return [(node.inputs[0].dtype, node.inputs[0].shape)]


def operator(op_type: str, domain: str = "", *, strings: bool | None = False) -> Callable[[type], type]:
    """Class decorator that enters a room.

    The class has functions ``pytorch(n)`` and ``keras(n)``, or ``both(n)`` for both, and may have ``layout`` (a rule of
    ``converter.emitters.layout``, by default the graph's own axis order), ``restrict(node, target)``, ``activation(node)``,
    ``infer(node)`` and ``restrictions``, the sentence that ``converter operators`` shows. With ``strings`` it is the room of
    those nodes that read or give strings, with None that of all nodes; any other room refuses strings.
    """

    def enter(cls: type) -> type:
        members = vars(cls)
        room = Room(
            op_type,
            domain,
            _plain(members.get("layout", logical)),
            _plain(members.get("pytorch", members.get("both"))),
            _plain(members.get("keras", members.get("both"))),
            _plain(members.get("restrict")),
            _plain(members.get("activation")),
            members.get("restrictions", ""),
            members.get("any_type", False),
            _plain(members.get("infer")),
        )
        for entered in (_rooms, _string_rooms) if strings is None else (_string_rooms,) if strings else (_rooms,):
            entered[domain, op_type] = room
        return cls

    return enter


def _plain(member: Any) -> Any:
    return member.__func__ if isinstance(member, staticmethod) else member


def elementwise(**rows: tuple[str, ...]) -> None:
    """Enter one room a row: (PyTorch template, Keras template[, name as a Keras ``activation``])."""
    for op_type, (pytorch, keras, *activation) in rows.items():
        named = (lambda node, name=activation[0]: name) if activation else None
        _rooms["", op_type] = Room(
            op_type, "", same, lambda n, t=pytorch: n.expr(t), lambda n, t=keras: n.expr(t), activation=named
        )


@functools.cache
def _load() -> None:
    """Import the project's own rooms, then those of installed packages."""
    import converter.operators.families  # noqa: F401

    plugins.load()


def rooms() -> dict[tuple[str, str], Room]:
    """All rooms by (domain, operator): that for numbers, where there are two."""
    _load()
    return _string_rooms | _rooms


def room_of(node: Node) -> Room | None:
    """What is known of the node's operator, on strings where the node reads or gives strings."""
    _load()
    own = _string_rooms if has_strings(node) else _rooms
    return own.get(("" if node.domain == "ai.onnx" else node.domain, node.op_type))


def has_strings(node: Node) -> bool:
    """Whether the node reads or gives strings."""
    return any(value is not None and value.dtype == object for value in (*node.inputs, *node.outputs))


def refusal(node: Node, target: str) -> Problem | None:
    """Why ``target`` cannot say this node, None where it can."""
    room = room_of(node)
    if room is None or not room.supports(target):
        return _no_room(node, target)
    if any(
        value is not None and value.dtype is not None and value.dtype.kind == "c" for value in (*node.inputs, *node.outputs)
    ):
        return Problem(f"{node.op_type} works on complex numbers, which are not supported for {target}", node.origin)
    data = node.inputs[0] if node.inputs else None
    if room.layout is spatial and data is not None and data.rank is None:
        reason = "the number of axes of its input is unknown"
        return Problem(reason, node.origin, "Run onnx.shape_inference on the file, or export it with input shapes.")
    reason = room.restrict(node, target) if room.restrict is not None else None
    return Problem(f"{node.op_type} is refused in {target}: {reason}", node.origin) if reason else None


def _no_room(node: Node, target: str) -> Problem:
    if node.refusal is not None:
        return node.refusal
    if node.domain == MATLAB_DOMAIN:
        reason = node.attributes.get("reason") or f"MATLAB layer class {node.op_type} is not supported."
        advice = "Replace the layer in MATLAB by supported ones, or supply it with converter.matlab_layer: see README."
        return Problem(reason, node.origin, advice)
    name = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
    strings = " on strings" if has_strings(node) else ""
    reason = f"operator {name} is not supported{strings} for {target}"
    advice = "Add a room with converter.operators.operator: see README."
    if not node.domain and onnx_schema(node.op_type) is None:
        reason += ": ONNX has none of that name, so the exporter left what it could not translate, and nothing runs the file"
        advice = "Export the network without it (Keras' gelu with approximate=True, say). " + advice
    return Problem(reason, node.origin, advice)


def refusals(graph: Graph, target: str) -> list[Problem]:
    """Every node that ``target`` cannot say, in graph order. ONNX as a target refuses what onnxruntime has no operator for."""
    nodes = (node for each in graph.nested() for node in each.nodes)
    found = (_no_onnx(node) if target == "onnx" else refusal(node, target) for node in nodes)
    return [problem for problem in found if problem is not None]


def _no_onnx(node: Node) -> Problem | None:
    known = node.domain in ("com.microsoft", functions.DOMAIN) or onnx_schema(node.op_type, node.domain) is not None
    return None if known else _no_room(node, "onnx")


def table() -> list[dict[str, Any]]:
    """A row for each operator that a file may have: name, domain, pytorch, keras (bool) and restrictions (text)."""
    return [
        {
            "name": room.op_type,
            "domain": room.domain or "ai.onnx",
            "pytorch": room.supports("pytorch"),
            "keras": room.supports("keras"),
            "restrictions": room.restrictions,
        }
        for (domain, _), room in sorted(rooms().items())
        if domain != "keras"  # made by ``converter/passes/keras``
    ]
