"""Reads a MATLAB network or an ONNX file, writes the Keras or PyTorch code a good engineer would have written, proves it equal.

``read``, ``convert`` and ``open`` are the whole interface, and for layers of the user's own ``matlab_layer`` and
``matlab_function``; what cannot be read or converted raises ``ConversionError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.errors import ConversionError, Problem, ReadError, UnsupportedError

if TYPE_CHECKING:
    from converter.conversion import Conversion, convert, open, read
    from converter.graph import Graph
    from converter.readers.matlab.layers.supplied import matlab_function, matlab_layer
    from converter.verification.report import Report

__all__ = [
    "Conversion",
    "ConversionError",
    "Graph",
    "Problem",
    "ReadError",
    "Report",
    "UnsupportedError",
    "convert",
    "matlab_function",
    "matlab_layer",
    "open",
    "read",
]

# Found on first use: `converter --help` and a pytest run that never converts need not import onnx.
_HOMES = {
    "Conversion": "converter.conversion",
    "Graph": "converter.graph",
    "Report": "converter.verification.report",
    "convert": "converter.conversion",
    "matlab_function": "converter.readers.matlab.layers.supplied",
    "matlab_layer": "converter.readers.matlab.layers.supplied",
    "open": "converter.conversion",
    "read": "converter.conversion",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
