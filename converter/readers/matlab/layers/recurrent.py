"""Recurrent layers over sequences (batch, channels, time).

MATLAB stacks the gates as rows: LSTM input, forget, candidate, output; GRU reset, update, candidate; a second direction below
the first. ONNX orders them input, output, forget, candidate and update, reset, candidate. Both orders of MATLAB were
measured on trained networks with their data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.graph import Value, Weight
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.properties import Properties
from converter.readers.matlab.site import Site, Untranslated

_LSTM, _GRU = (0, 3, 1, 2), (1, 0, 2)  # ONNX's gates among MATLAB's
_STATE = {"tanh": "Tanh", "softsign": "Softsign", "relu": "Relu"}
_GATE = {"sigmoid": "Sigmoid", "hard-sigmoid": "HardSigmoid"}  # both 0.2 x + 0.5 between 0 and 1


def _words(name: str):
    def describe(p: Properties) -> str:
        units = p.integer("NumHiddenUnits")
        return f"{name} with {units} hidden unit{'s' if units != 1 else ''}"

    return describe


@layer("LSTMLayer", "LSTM", _words("LSTM"))
def lstm(n: Site) -> Value:
    return _recurrent(n, "LSTM", _LSTM, 1, _bias(n, 4, 1))


@layer("BiLSTMLayer", "BiLSTM", _words("BiLSTM"))
def bilstm(n: Site) -> Value:
    if n.properties.text("OutputMode") == "last":
        n.note("its OutputMode 'last' is taken as the last state of each direction, as in Keras.")
    return _recurrent(n, "LSTM", _LSTM, 2, _bias(n, 4, 2))


@layer("GRULayer", "GRU", _words("GRU"))
def gru(n: Site) -> Value:
    """The reset gate acts on the product with the recurrent weights or before it; only one mode has a bias there."""
    mode = n.properties.choice(
        "ResetGateMode", "after-multiplication", "before-multiplication", "recurrent-bias-after-multiplication",
        default="after-multiplication",
    )  # fmt: skip
    bias = _bias(n, 3, 1, recurrent=mode.startswith("recurrent"))
    return _recurrent(n, "GRU", _GRU, 1, bias, linear_before_reset=int(mode != "before-multiplication"))


def _bias(n: Site, gates: int, directions: int, *, recurrent: bool = False) -> Weight:
    """(directions, parts, gates, units): of the inputs and, where there is such a part, of the recurrence."""
    units, parts = n.properties.integer("NumHiddenUnits"), 2 if recurrent else 1
    return n.vector("Bias", directions * parts * gates * units).reshape(directions, parts, gates, units)


def _recurrent(n: Site, op_type: str, order: tuple[int, ...], directions: int, bias: Weight, **attributes: int) -> Value:
    p, gates, units = n.properties, len(order), n.properties.integer("NumHiddenUnits")
    channels = n.channels()
    if not n.is_sequence:
        raise Untranslated("what arrives is no sequence")
    if channels != p.opened("InputSize", channels)[0]:
        n.fail(f"reads {p.integer('InputSize')} channels, but {channels} arrive.")
    if p.flag("HasStateInputs", False) or p.flag("HasStateOutputs", False):
        raise Untranslated("its states as inputs or outputs are not translated")
    if any(np.any(p.array(name, np.zeros(1))) for name in ("HiddenState", "CellState")):
        raise Untranslated("it begins with a state that is not zero")
    state = p.choice("StateActivationFunction", *_STATE, default="tanh")
    gate = p.choice("GateActivationFunction", *_GATE, default="sigmoid")
    names = (_GATE[gate], *[_STATE[state]] * (2 if op_type == "LSTM" else 1)) * directions

    def sorted_gates(weight: Weight, columns: int) -> Weight:
        blocks = weight.reshape(directions, gates, units, columns)
        rows = (directions, gates * units, columns)
        return blocks.map(lambda array: array[:, list(order)].reshape(rows), rows)

    weights = sorted_gates(n.weight("InputWeights", (directions * gates * units, channels)), channels)
    recurrent = sorted_gates(n.weight("RecurrentWeights", (directions * gates * units, units)), units)
    both = bias.map(lambda array: _both(array[:, :, list(order)]), (directions, 2 * gates * units))
    options: dict[str, Any] = {"hidden_size": units, "direction": "bidirectional" if directions == 2 else "forward"}
    if {gate, state} != {"sigmoid", "tanh"}:
        options["activations"] = names
    steps = n.add("Transpose", None, {"perm": (2, 0, 1)}, part="steps")
    last = p.choice("OutputMode", "sequence", "last") == "last"
    wanted = [False, True] if last else [True]  # every step, and the last one
    (result,) = n.add_all(op_type, [steps, weights, recurrent, both], options | attributes, wanted, part="run", is_core=True)
    if last and directions == 1:
        return n.add("Squeeze", [result, _numbers(n, "axes", 0)])
    if last:
        joined = n.add("Transpose", [result], {"perm": (1, 0, 2)}, part="directions")
        return n.add("Reshape", [joined, _numbers(n, "shape", 0, -1)])
    if directions == 1:
        return n.add("Transpose", [n.add("Squeeze", [result, _numbers(n, "axes", 1)], part="sequence")], {"perm": (1, 2, 0)})
    joined = n.add("Transpose", [result], {"perm": (0, 2, 1, 3)}, part="directions")
    sequence = n.add("Reshape", [joined, _numbers(n, "shape", 0, 0, -1)], part="sequence")
    return n.add("Transpose", [sequence], {"perm": (1, 2, 0)})


def _both(bias: np.ndarray) -> np.ndarray:
    """(directions, parts, gates, units) as ONNX wants it: both parts one after the other, zeros where one is missing."""
    missing = np.zeros_like(bias[:, : 2 - bias.shape[1]])
    return np.concatenate([bias, missing], axis=1).reshape(bias.shape[0], -1)


def _numbers(n: Site, part: str, *numbers: int) -> Value:
    return Value.constant(np.array(numbers, np.int64), f"{n.name}_{part}")
