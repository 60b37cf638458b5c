"""Which module calls of the original program a node of an ONNX file comes from.

torch's exporter leaves them as metadata of each node, its older exporter as the node's name, "/layer1/layer1.0/conv1/Conv".
Both were read off files that they wrote (PyTorch 2.13).
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Mapping

import onnx

from converter.graph import Graph, Module, Node, Scope

_NAMES, _TYPES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
_LONGEST = 20_000
_DEEPEST = 50
_BATCH_NORMS = "torch.nn.modules.batchnorm."
_TAKES_UP = {"Conv", "ConvTranspose", "Gemm"}
_SECOND_CALL = re.compile(r"@\d+$")
_PART = r"(?:[A-Za-z_]\w*(?:-\w+)*|\d{1,3})"
_PATH = re.compile(rf"{_PART}(?:\.{_PART})*", re.ASCII)
"""Attributes, members of sequences such as "block2-0", and the numbers of lists; a number is a place in a list, so that a large
one would be a long list."""


def scope_of(node: onnx.NodeProto) -> Scope | None:
    """The module calls around the node, outermost first; None where the file does not tell."""
    metadata = {entry.key: entry.value for entry in node.metadata_props if entry.key in (_NAMES, _TYPES)}
    if _NAMES in metadata:
        return _from_metadata(metadata)
    return _from_name(node.name) if node.name.startswith("/") else None


def bring_home(graph: Graph) -> None:
    """Bring operators back to the modules that the names of their weights tell.

    The exporter's optimiser folds a BatchNorm into the convolution or product before it and leaves the result in the scope of
    the BatchNorm, but the weight keeps its name: that of "conv1.weight" is computed in "conv1". The older exporter names
    what is called past the module that holds it, ``self.model.decoder(x)``, as if it were the caller's own: "decoder".
    """
    known = {module.path: module for node in graph.nodes for module in node.scope or ()}
    moved = _called_past(graph, known)
    for node in graph.nodes:
        home = _home(node)
        if home is not None:
            parts = home.split(".")
            around = [".".join(parts[:count]) for count in range(1, len(parts))]
            inside = [known[path] for path in around if path in known]
            node.scope = (node.scope[0], *inside, known.get(home, Module(home)))
        elif moved and node.scope:
            node.scope = tuple(Module(_moved(module.path, moved), module.type) for module in node.scope)


def _called_past(graph: Graph, known: Mapping[str, Module]) -> dict[str, str]:
    """Paths of modules that lie deeper than their scopes say, by those that the scopes say."""
    found: dict[str, set[str]] = {}
    for node in graph.nodes:
        if not node.scope or len(node.scope) < 2 or any(module.type for module in node.scope):
            continue
        path = node.scope[-1].path.split(".")
        for value in node.inputs:
            home = value.weight.name.split(".")[:-1] if value is not None and value.weight is not None else []
            shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(path, home, strict=False)))
            rest = path[shared:]
            if home and not rest:
                for count in range(1, len(path) + 1):
                    found.setdefault(".".join(path[:count]), set()).add(".".join(path[:count]))
            elif rest and len(home) > len(path) and home[-len(rest) :] == rest:
                found.setdefault(".".join(path[: shared + 1]), set()).add(".".join(home[: len(home) - len(rest) + 1]))
    single = {path: homes.pop() for path, homes in found.items() if len(homes) == 1}
    return {path: home for path, home in single.items() if home != path and home not in known and _PATH.fullmatch(home)}


def _moved(path: str, moved: Mapping[str, str]) -> str:
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        home = moved.get(".".join(parts[:count]))
        if home is not None:
            return ".".join([home, *parts[count:]])
    return path


def _home(node: Node) -> str | None:
    """The module whose weight a layer in the scope of a BatchNorm has."""
    if not node.scope or not node.scope[-1].type.startswith(_BATCH_NORMS) or node.op_type not in _TAKES_UP:
        return None
    weight = next((value.weight for value in node.inputs[1:2] if value is not None), None)
    home, _, last = weight.name.rpartition(".") if weight is not None else ("", "", "")
    return home if last == "weight" and home != node.scope[-1].path and _PATH.fullmatch(home) else None


def _from_metadata(metadata: dict[str, str]) -> Scope | None:
    """Each list holds a text for each module, outermost first, and one more for the operator itself."""
    names, types = _texts(metadata[_NAMES])[:-1], _texts(metadata.get(_TYPES, "[]"))[:-1]
    if not names or names[0] != "":
        return None  # the exporter's word for "nowhere"
    if len(types) != len(names):
        types = [""] * len(names)
    modules = [Module(_SECOND_CALL.sub("", name), type) for name, type in zip(names, types, strict=True)]
    known = itertools.takewhile(lambda module: _PATH.fullmatch(module.path), modules[1:_DEEPEST])
    return (modules[0], *known)


def _texts(text: str) -> list[str]:
    if len(text) > _LONGEST:
        return []
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else []


def _from_name(name: str) -> Scope | None:
    """A child of a container repeats the container's name: "layer1.0" in "layer1"; a list has no call of its own: "h.0"."""
    parts = name.split("/")[1:-1]
    if not all(_PATH.fullmatch(part) for part in parts) or len(parts) > _DEEPEST:
        return None
    scope, path, last = [Module("")], "", ""
    for part in parts:
        own = part.removeprefix(f"{last}.") if last else part
        path, last = f"{path}.{own}" if path else own, part
        scope.append(Module(path))
    return tuple(scope)
