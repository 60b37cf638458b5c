"""Which module calls of the original program a node of an ONNX file comes from.

torch's exporter leaves them as metadata of each node, its older exporter as the node's name, "/layer1/layer1.0/conv1/Conv".
Both were read off files that they wrote (PyTorch 2.13).
"""

from __future__ import annotations

import ast
import itertools
import re

import onnx

from converter.graph import Module, Scope

_NAMES, _TYPES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
_LONGEST = 20_000
_DEEPEST = 50
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
