"""Recurrent layers over sequences (batch, channels, time); states are (batch, units).

MATLAB stacks the gates as rows: LSTM input, forget, candidate, output; GRU reset, update, candidate; the direction that goes
backwards below the other, and so in the output. ONNX orders them input, output, forget, candidate and update, reset, candidate.
All orders of MATLAB were measured on trained networks with their data.

A projected layer keeps W Q instead of W and the projector Q, and multiplies by W Q Q' (MATLAB pages of lstmProjectedLayer and
gruProjectedLayer). Its weights are multiplied out, which gives an ordinary layer.
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
_STATES = {"LSTM": ("hidden", "cell"), "GRU": ("hidden",)}
"""The ports of the states, in the order of ONNX's inputs and outputs."""


def _words(name: str):
    def describe(p: Properties) -> str:
        units = p.integer("NumHiddenUnits")
        return f"{name} with {units} hidden unit{'s' if units != 1 else ''}"

    return describe


def _ports(op_type: str):
    """States come in beside the sequence where the layer has HasStateInputs."""
    return lambda p: ("in", *_STATES[op_type]) if p.flag("HasStateInputs", False) else ("in",)


Results = Value | dict[str, Value]


@layer("LSTMLayer", "LSTM", _words("LSTM"), inputs=_ports("LSTM"))
@layer("LSTMProjectedLayer", "Projected LSTM", _words("Projected LSTM"), inputs=_ports("LSTM"))
def lstm(n: Site) -> Results:
    return _recurrent(n, "LSTM", _LSTM, 1, _bias(n, 4, 1))


@layer("BiLSTMLayer", "BiLSTM", _words("BiLSTM"), inputs=_ports("LSTM"))
def bilstm(n: Site) -> Results:
    if n.properties.text("OutputMode") == "last":
        n.note("its OutputMode 'last' is taken as the last state of each direction, as in Keras.")
    return _recurrent(n, "LSTM", _LSTM, 2, _bias(n, 4, 2))


@layer("GRULayer", "GRU", _words("GRU"), inputs=_ports("GRU"))
@layer("GRUProjectedLayer", "Projected GRU", _words("Projected GRU"), inputs=_ports("GRU"))
def gru(n: Site) -> Results:
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


def _recurrent(n: Site, op_type: str, order: tuple[int, ...], directions: int, bias: Weight, **attributes: int) -> Results:
    p, gates, units = n.properties, len(order), n.properties.integer("NumHiddenUnits")
    channels, rows = n.channels(), directions * len(order) * units
    if not n.is_sequence:
        raise Untranslated("what arrives is no sequence")
    if channels != p.opened("InputSize", channels)[0]:
        n.fail(f"reads {p.integer('InputSize')} channels, but {channels} arrive.")
    state = p.choice("StateActivationFunction", *_STATE, default="tanh")
    gate = p.choice("GateActivationFunction", *_GATE, default="sigmoid")
    names = (_GATE[gate], *[_STATE[state]] * (2 if op_type == "LSTM" else 1)) * directions

    def sorted_gates(weight: Weight) -> Weight:
        columns = weight.shape[1]
        shape = (directions, gates * units, columns)
        blocks = weight.reshape(directions, gates, units, columns)
        return blocks.map(lambda array: array[:, list(order)].reshape(shape), shape)

    weights = sorted_gates(_weights(n, "Input", rows, channels))
    recurrent = sorted_gates(_weights(n, "Recurrent", rows, units))
    both = bias.map(lambda array: _both(array[:, :, list(order)]), (directions, 2 * gates * units))
    options: dict[str, Any] = {"hidden_size": units, "direction": "bidirectional" if directions == 2 else "forward"}
    if {gate, state} != {"sigmoid", "tanh"}:
        options["activations"] = names
    states = _first_states(n, _STATES[op_type], units, directions)
    steps = n.add("Transpose", [n.x], {"perm": (2, 0, 1)}, part="steps")
    last, given = p.choice("OutputMode", "sequence", "last") == "last", p.flag("HasStateOutputs", False)
    wanted = [not last, last or given, *[given] * (len(_STATES[op_type]) - 1)]
    inputs = [steps, weights, recurrent, both, *([None, *states] if states else [])]
    found = iter(n.add_all(op_type, inputs, options | attributes, wanted, part="run", is_core=True))
    results = [next(found) if want else None for want in wanted]
    out = _state(n, results[1], directions) if last else _sequence(n, results[0], directions)
    if not given:
        return out
    return {"out": out} | {
        port: _state(n, value, directions, port) for port, value in zip(_STATES[op_type], results[1:], strict=True)
    }


def _weights(n: Site, name: str, rows: int, columns: int) -> Weight:
    """InputWeights or RecurrentWeights (rows, columns); of a projected layer (rows, projected) times its projector."""
    label = {"Input": "InputProjector", "Recurrent": "OutputProjector"}[name]
    if not n.record.short_class.endswith("ProjectedLayer"):
        return n.weight(f"{name}Weights", (rows, columns))
    size = n.properties.integer(f"{label}Size")
    weights, projector = n.weight(f"{name}Weights", (rows, size)), n.weight(label, (columns, size))
    if weights.has_data != projector.has_data:
        n.fail(f"has numbers for only one of {name}Weights and {label}.")

    def multiplied(array: np.ndarray) -> np.ndarray:
        return (array.astype(np.float64) @ projector.array().T.astype(np.float64)).astype(np.float32)

    return weights.map(multiplied, (rows, columns))


def _first_states(n: Site, ports: tuple[str, ...], units: int, directions: int) -> list[Value]:
    """What the layer begins with, (directions, batch, units) each: its inputs, or the states it holds; none for zeros."""
    p = n.properties
    held = [p.array(f"{port.title()}State", np.zeros(units, np.float32)) for port in ports]
    from_outside = p.flag("HasStateInputs", False)
    if not from_outside and not any(np.any(array) for array in held):
        return []
    if directions == 2:
        raise Untranslated("which half of its states belongs to which direction is not documented")
    if from_outside:
        for port, value in zip(ports, n.inputs[1:], strict=True):
            if n.known(value)[1:] != (units,):
                n.fail(f"its input '{port}' has sizes {value.shape[1:]}; expected {units} numbers.")
        return [
            n.add("Unsqueeze", [value, _numbers(n, f"{port}_axes", 0)], part=f"{port}_input")
            for port, value in zip(ports, n.inputs[1:], strict=True)
        ]
    batch = n.add("Shape", [n.x], {"start": 0, "end": 1}, part="batch")
    target = n.add("Concat", [_numbers(n, "one", 1), batch, _numbers(n, "units", units)], {"axis": 0}, part="states_shape")
    states = []
    for port, array in zip(ports, held, strict=True):
        if array.size != units:
            raise Untranslated(f"it holds {array.size} numbers as {port} state, those of a batch; reset it before saving")
        state = Weight.of(array.astype(np.float32).reshape(1, 1, units), f"{n.name}.{port.title()}State", trainable=False)
        states.append(n.add("Expand", [state, target], part=f"first_{port}"))
    return states


def _sequence(n: Site, result: Value, directions: int) -> Value:
    """(time, directions, batch, units) as (batch, directions * units, time)."""
    if directions == 1:
        return n.add("Transpose", [n.add("Squeeze", [result, _numbers(n, "axes", 1)], part="sequence")], {"perm": (1, 2, 0)})
    joined = n.add("Transpose", [result], {"perm": (0, 2, 1, 3)}, part="directions")
    sequence = n.add("Reshape", [joined, _numbers(n, "shape", 0, 0, -1)], part="sequence")
    return n.add("Transpose", [sequence], {"perm": (1, 2, 0)})


def _state(n: Site, result: Value, directions: int, part: str = "") -> Value:
    """(directions, batch, units) as (batch, directions * units), one direction behind the other."""
    if directions == 1:
        return n.add("Squeeze", [result, _numbers(n, "state_axes", 0)], part=part)
    joined = n.add("Transpose", [result], {"perm": (1, 0, 2)}, part=f"{part}_directions".lstrip("_"))
    return n.add("Reshape", [joined, _numbers(n, "state_shape", 0, -1)], part=part)


def _both(bias: np.ndarray) -> np.ndarray:
    """(directions, parts, gates, units) as ONNX wants it: both parts one after the other, zeros where one is missing."""
    missing = np.zeros_like(bias[:, : 2 - bias.shape[1]])
    return np.concatenate([bias, missing], axis=1).reshape(bias.shape[0], -1)


def _numbers(n: Site, part: str, *numbers: int) -> Value:
    return Value.constant(np.array(numbers, np.int64), f"{n.name}_{part}")
