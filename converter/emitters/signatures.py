"""Default arguments of the targets' layers and functions, so that emitted code leaves out what need not be said.

They are read from a table, because importing both frameworks costs seconds and neither need be installed to write code.
``python -m converter.emitters.signatures`` writes the table anew with ``inspect.signature``; a test holds it against what is
installed.
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from converter.emitters.source import helper_files

TABLE = Path(__file__).with_name("signatures.json")


@functools.cache
def table() -> dict[str, Any]:
    return json.loads(TABLE.read_text())


def defaults_of(function: str) -> Mapping[str, Any]:
    """Defaults of a function by the name that emitted code uses ("nn.Conv2d", "ops.softmax"); empty where unknown."""
    return table()["defaults"].get(function) or _helper_defaults().get(function, {})


@functools.cache
def _helper_defaults() -> dict[str, dict[str, Any]]:
    """Defaults of the helpers, read from their source; a helper of both targets has the same in both. A class that is
    constructed as the one it extends has none of its own."""
    found = {}
    for text in (text for target in ("keras", "pytorch") for text in helper_files(target)):
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef):
                starts = (m.args for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__")
                arguments = next(starts, ast.arguments([], [], None, [], [], None, []))
            elif isinstance(node, ast.FunctionDef):
                arguments = node.args
            else:
                continue
            last = arguments.args[len(arguments.args) - len(arguments.defaults) :]
            pairs = zip(last, arguments.defaults, strict=True)
            found[node.name] = {a.arg: ast.literal_eval(value) for a, value in pairs if not isinstance(value, ast.Attribute)}
    return found


_BUILTIN = {
    **{f"F.conv{rank}d": {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1} for rank in (1, 2, 3)},
    **{
        f"F.conv_transpose{rank}d": {"bias": None, "stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1}
        for rank in (1, 2, 3)
    },
    **{f"nn.{kind}": {"bias": True, "batch_first": False, "bidirectional": False} for kind in ("RNN", "LSTM", "GRU")},
    "F.gelu": {"approximate": "none"},
    "F.scaled_dot_product_attention": {"attn_mask": None, "is_causal": False, "scale": None, "enable_gqa": False},
}
"""What ``inspect.signature`` cannot read, from https://docs.pytorch.org/docs/stable/nn.functional.html and the pages of
``nn.LSTM``, ``nn.GRU`` and ``nn.RNN``."""


def module_attributes() -> frozenset[str]:
    """Names that a sub-module of an ``nn.Module`` must not take."""
    return frozenset(table()["module_attributes"])


def model_attributes() -> frozenset[str]:
    """Names that a layer or weight of a ``keras.Model`` must not take."""
    return frozenset(table()["model_attributes"])


def measure() -> dict[str, Any]:
    """The table, from the frameworks installed here."""
    import keras
    import torch

    spaces = {"nn": torch.nn, "F": torch.nn.functional, "layers": keras.layers, "ops": keras.ops}
    defaults = {
        f"{prefix}.{name}": found
        for prefix, module in spaces.items()
        for name, function in sorted(vars(module).items())
        if not name.startswith("_") and callable(function) and (found := dict(_defaults(function)))
    }
    defaults |= _BUILTIN
    attributes = sorted(name for name in dir(torch.nn.Module()) if not name.startswith("__"))
    model = sorted(name for name in dir(keras.Model()) if not name.startswith("__"))
    return {"defaults": defaults, "module_attributes": attributes, "model_attributes": model}


def _defaults(function: Any) -> Iterator[tuple[str, Any]]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    for parameter in parameters:
        value = parameter.default
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if parameter.kind is not parameter.VAR_KEYWORD and isinstance(value, bool | int | float | str | None):
            yield parameter.name, value


if __name__ == "__main__":
    TABLE.write_text(json.dumps(measure(), indent=0, sort_keys=True) + "\n")
