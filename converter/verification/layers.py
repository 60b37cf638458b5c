"""The layers of a network beside what the emitted code computed for each, and the one to blame where they differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

Verdict = Literal["equal", "differs", "not visible"]
Stage = Literal["reading", "writing"]


@dataclass
class Layer:
    """One node of the normalised graph, and the line of the emitted code that stands for it.

    ``shape`` is that of its first output in source axis order, in the case that was compared. Nothing is visible of what was
    folded into another expression; then ``line`` and the errors are None.
    """

    name: str
    """What the source calls the layer or node."""
    op: str
    scope: str
    """Path of the source's module, empty where the source does not tell."""
    inputs: list[int]
    """The rows whose results it reads."""
    value: str
    """Name of its first output."""
    shape: tuple[int, ...]
    line: int | None = None
    """The line of model.py that computes it."""
    code: str = ""
    """The text of that line."""
    absolute: float | None = None
    """max |emitted - onnxruntime|."""
    relative: float | None = None
    """That as a share of max |onnxruntime|."""
    verdict: Verdict = "not visible"
    constructor: int | None = None
    """The line of model.py that constructs the layer which ``line`` calls."""
    within: int | None = None
    """The line of the function which ``line`` calls, where that has the expression."""
    called: int | None = None
    """The line that calls the function in which ``line`` is one of several layers."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Layer:
        seen = data["verdict"] != "not visible"
        errors = {key: math.inf if data[key] is None and seen else data[key] for key in ("absolute", "relative")}
        return cls(**{**data, **errors, "inputs": list(data["inputs"]), "shape": tuple(data["shape"])})


@dataclass
class Blame:
    """The first layer that differs, and by what.

    ``layer`` is its place among the report's layers. ``stage`` tells where the fault lies: "reading" between the source file
    and the graph, "writing" between the graph and the emitted code. ``expected`` and ``found`` are the two numbers at
    ``index`` (source axis order), where the error is largest; NaN where there is none to show. ``cause`` is a sentence for
    people, empty where it was not recognised.
    """

    layer: int
    stage: Stage
    expected: float
    found: float
    index: tuple[int, ...]
    case: str
    cause: str = ""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Blame:
        numbers = {key: math.nan if data[key] is None else float(data[key]) for key in ("expected", "found")}
        return cls(**{**data, **numbers, "index": tuple(data["index"])})


def table(layers: list[Layer], blame: Blame | None = None) -> Table:
    """All layers, for people; the blamed one is marked."""
    listing = Table(box=SIMPLE_HEAD)
    for heading in ("layer", "operator"):
        listing.add_column(heading, overflow="fold")
    listing.add_column("shape", no_wrap=True)
    listing.add_column("line", justify="right", no_wrap=True)
    listing.add_column("model.py")
    for heading in ("absolute", "relative"):
        listing.add_column(heading, justify="right", no_wrap=True)
    listing.add_column("", no_wrap=True)
    colours = {"equal": "green", "differs": "red", "not visible": "dim"}
    for number, layer in enumerate(layers):
        blamed = blame is not None and blame.layer == number
        cells = [
            layer.name,
            layer.op,
            "×".join(map(str, layer.shape)),
            "" if layer.line is None else str(layer.line),
            Text(layer.code, no_wrap=True, overflow="ellipsis"),
        ]
        cells += ["" if error is None else f"{error:.2g}" for error in (layer.absolute, layer.relative)]
        verdict = Text("first to differ" if blamed else layer.verdict, style=colours[layer.verdict])
        listing.add_row(
            *(Text(cell) if isinstance(cell, str) else cell for cell in cells), verdict, style="bold" if blamed else ""
        )
    return listing


def sentence(layers: list[Layer], blame: Blame) -> Text:
    """Which layer is to blame, where it stands, by what it differs and why, if that was recognised."""
    layer = layers[blame.layer]
    place = f" of module {layer.scope}" if layer.scope else ""
    between = "the source file and what was read from it" if blame.stage == "reading" else "the source and the emitted code"
    text = Text.assemble(("first difference: ", "bold red"), f"{layer.name!r} ({layer.op}){place}, between {between}")
    if layer.line is not None:
        text.append(f"\n  model.py, line {layer.line}: {layer.code}")
    others = {"constructed": layer.constructor, "computed": layer.within, "called": layer.called}
    told = [f"{what} in line {line}" for what, line in others.items() if line not in (None, layer.line)]
    text.append(f" ({', '.join(told)})" if told else "")
    if not math.isnan(blame.expected) or not math.isnan(blame.found):
        text.append(f"\n  at {list(blame.index)} of {blame.case}: {blame.found:.6g} instead of {blame.expected:.6g}")
    if layer.relative is not None and math.isfinite(layer.relative):
        text.append(f"; largest error {layer.absolute:.2g}, {layer.relative:.2g} of the largest magnitude")
    if blame.cause:
        text.append(f"\n  {blame.cause}")
    return text
