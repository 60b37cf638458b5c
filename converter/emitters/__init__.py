"""Graphs as source code of a target framework."""

from __future__ import annotations

from dataclasses import dataclass, replace

from converter.emitters.visible import Visible
from converter.graph import Graph, Shape, Value, Weight


@dataclass(frozen=True)
class Port:
    """An input or output of the emitted model.

    ``source_name`` is its name in the source, ``name`` the one in the code. ``shape`` is in source axis order, with a symbol or
    None where a size is dynamic. Stored axis ``i`` is source axis ``axes[i]``.
    """

    source_name: str
    name: str
    dtype: str
    shape: Shape
    axes: tuple[int, ...]
    kind: str = "tensor"
    """Or "sequence" (a list), "optional" (a value or None), "map" (a dictionary); then nothing is said of dtype and shape."""
    classes: tuple[str, ...] = ()
    """Of an output: what its channels stand for, in order; empty where the source does not tell."""


@dataclass(frozen=True)
class Emitted:
    """``code`` is the text of model.py; ``weights`` holds each weight under the target's own key, in its orientation;
    ``visible`` tells which values of the graph the code has a tensor for."""

    code: str
    weights: dict[str, Weight]
    inputs: list[Port]
    outputs: list[Port]
    visible: Visible
    transposes: int = 0


def emit(graph: Graph, target: str, *, same: bool = False) -> Emitted:
    """Write ``graph`` as code of ``target`` ("keras" or "pytorch").

    ``same`` writes ``padding="same"`` wherever that is equal for every input size. The graph must hold nothing that
    ``converter.operators.refusals`` reports.
    """
    from converter.emitters import keras, keras_subclass, pytorch
    from converter.emitters.site import NotFunctionalError
    from converter.passes.keras import lowered

    if target == "pytorch":
        return pytorch.emit(graph, same=same)
    copies: dict[Value, Value] = {}
    try:
        emitted = keras.emit(lowered(graph, functional=True, copies=copies), same=same)
    except NotFunctionalError:
        copies.clear()
        emitted = keras_subclass.emit(lowered(graph, functional=False, copies=copies), same=same)
    return replace(emitted, visible=emitted.visible.of_source(graph, copies))
