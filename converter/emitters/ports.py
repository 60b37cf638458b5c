"""Inputs and outputs of an emitted model, and what its docstring says of them."""

from __future__ import annotations

from collections.abc import Container, Sequence

from converter.emitters import Port
from converter.emitters.names import Namespace, class_name, identifier, is_generated
from converter.emitters.program import Program
from converter.emitters.source import docstring, plain_text
from converter.graph import Value, told

_MEANINGLESS = {"", "main_graph", "torch_jit", "torch-jit-export", "graph", "tf2onnx", "model"}


def model_name(program: Program, reserved: Container[str] = ()) -> str:
    """The class name: the graph's name, or the file's where exporters write one that says nothing."""
    graph = program.graph
    name = graph.name
    whole = next((node.scope[0].type for node in graph.nodes if node.scope and node.scope[0].type), "")
    if name in _MEANINGLESS and whole:
        name = whole.rpartition(".")[2]
    if (name in _MEANINGLESS or is_generated(name)) and graph.source.path:
        name = graph.source.path.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    name = class_name(name)
    return f"{name}Model" if name in reserved else name


def input_names(program: Program, namespace: Namespace, *, kept: bool) -> dict[Value, str]:
    """The source's names. ``x`` itself, the name along a chain, only for an input that nothing but the first line reads;
    ``kept`` says that the code reads every input once more at its end."""
    names, places = {}, program.places()
    for value in program.graph.inputs:
        wanted = identifier(value.name.removeprefix(program.prefix), "input")
        wanted = "inputs" if wanted == "input" else wanted  # which is a function of Python
        if wanted == "x" and not kept and places.get(value, set()) <= {0}:
            names[value] = "x"
        else:
            names[value] = namespace.take("inputs" if wanted == "x" else wanted)
    return names


def ports(program: Program, values: Sequence[Value], names: Sequence[str] | None = None) -> list[Port]:
    """Ports of inputs, which have ``names`` in the code, or of outputs, which get theirs from the source."""
    namespace = Namespace()
    names = names or [namespace.take(identifier(value.name.removeprefix(program.prefix), "output")) for value in values]
    return [
        Port(
            value.name,
            name,
            "" if value.dtype is None else value.dtype.name,
            told(value.shape or ()),
            _axes(program, value),
            value.kind,
            program.graph.classes.get(value.name, ()) if value in program.graph.outputs else (),
        )
        for value, name in zip(values, names, strict=True)
    ]


def _axes(program: Program, value: Value) -> tuple[int, ...]:
    return program.layouts.of(value).order


def describe(port: Port) -> str:
    """name: dtype (batch, 227, 227, 3), in stored order."""
    if port.kind != "tensor":
        return f"{plain_text(port.name)}: {port.kind}"
    stored = [port.shape[axis] for axis in port.axes]
    sizes = ", ".join(plain_text(str(size)) if size is not None else "?" for size in stored)
    return f"{plain_text(port.name)}: {'strings' if port.dtype == 'object' else port.dtype} ({sizes})"


MAXIMUM_CLASSES = 100
"""More names than these stand in conversion.json alone: a thousand lines of them would hide the model."""


def classes(outputs: list[Port]) -> list[str]:
    """The line that names the classes of the output, or those of each output that has any."""
    named = {port.name: list(port.classes) for port in outputs if port.classes}
    if not named or sum(map(len, named.values())) > MAXIMUM_CLASSES:
        return []
    return [f"CLASSES = {(*named.values(),)[0] if len(outputs) == 1 else named!r}"]


def header(program: Program, framework: str, name: str, inputs: list[Port], outputs: list[Port]) -> str:
    """The module's docstring."""
    source = program.graph.source
    file = plain_text((source.path or "").replace("\\", "/").rpartition("/")[2])
    origin = f", converted from {file} ({plain_text(source.kind)})" if file else ""
    lines = [
        *(f"Input {describe(port)}" for port in inputs),
        *(f"Output {describe(port)}" for port in outputs),
        *(f"Note: {plain_text(note)}" for note in program.graph.notes),
    ]
    return docstring(f"{name} in {framework}{origin}.", *lines)
