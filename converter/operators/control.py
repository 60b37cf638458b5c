"""Control flow: ``if`` and ``for`` of Python around the statements of a sub-graph.

A Keras model with control flow is a subclassed one. It can be compiled where an If becomes ``ops.cond``, which takes tensors
of one type and shape, and loops have a known number of rounds; elsewhere it runs eagerly.
Source: https://onnx.ai/onnx/operators/onnx__Loop.html, onnx__Scan.html, onnx__If.html, onnx__SequenceMap.html
"""

from __future__ import annotations

import itertools

from converter.emitters.vocabulary import Branch, Part, Repeat, State, Variable
from converter.graph import Value
from converter.operators.registry import operator


def _if(n):
    return Branch(n.expr("cond"), n.then_branch, n.else_branch)


def _loop(n):
    """Body inputs: iteration, condition, states; its outputs: condition, states, what each round gives."""
    (count, keep, *before), (goes_on, *results) = n.body.inputs, n.body.outputs
    finals, gathered = n.node.outputs[: len(before)], n.node.outputs[len(before) :]
    states = [State(*row) for row in zip(before, map(n.as_tensor, n.v_initial), results, finals, strict=False)]
    if _may_stop(keep, goes_on, n.cond):
        n.is_eager = True
        states.insert(0, State(keep, True if n.cond is None else n.cond, goes_on, None))
    else:
        keep = None
    index = Value("i")
    rounds = n.expr("itertools.count()") if n.M is None else n.expr("range(rounds)", rounds=n.number("M"))
    counter = n.tensor("i", "int64", i=Variable(index))
    sure = keep is None and (n.constant("M") if n.M is not None else 0)  # there is a first round
    collected = [_collected(n, *row, 0, sure) for row in zip(results[len(before) :], gathered, strict=False)]
    return Repeat(n.body, [index], rounds, states, collected, [(count, counter)], keep)


def _may_stop(keep, goes_on, first) -> bool:
    """Whether the condition can end the loop: not where it is true at first and then handed on, or always true."""
    producer = goes_on.producer
    handed_on = goes_on is keep or (producer is not None and producer.op_type == "Identity" and producer.inputs[0] is keep)
    always = goes_on.array is not None and bool(goes_on.array.reshape(-1)[0])
    known = first is None or (first.weight is not None and first.weight.has_data and bool(first.weight.array().reshape(-1)[0]))
    return not (known and (handed_on or always))


def _collected(n, value, output, axis, sure, backwards=False):
    """What each round gives as one tensor, with the rounds on an axis of their own; none where there was no round."""
    part = Part(Value(f"{value.name}_parts"), output)
    shape = (output.shape if output is not None else None) or ()
    axis = axis % len(shape) if shape else axis
    parts = n.expr("parts[::-1]" if backwards else "parts", parts=Variable(part.value))
    if sure:
        return value, part, n.expr(f"{n.library}.stack(parts, axis)", parts=parts, axis=axis)
    sizes = tuple(size if isinstance(size, int) else 0 for size in shape)
    dtype = "float32" if output is None or output.dtype is None else output.dtype.name
    dtype = n.expr(f"torch.{dtype}") if n.framework == "pytorch" else dtype
    return value, part, n.expr("stacked(parts, axis, sizes, dtype)", parts=parts, axis=axis, sizes=sizes, dtype=dtype)


def _scan(n):
    """Body inputs: states, then an element of each sequence; its outputs: states, then what each round gives."""
    count = n.num_scan_inputs
    operands = n.initial_state_and_scan_inputs
    kept = len(operands) - count
    states = [
        State(*row)
        for row in zip(
            n.body.inputs[:kept], map(n.as_tensor, operands[:kept]), n.body.outputs[:kept], n.node.outputs[:kept], strict=False
        )
    ]
    axes_in, turned = n.scan_input_axes or (0,) * count, n.scan_input_directions or (0,) * count
    walks = [
        n.expr(_walk(n, back), x=x, axis=axis % x.rank if x.rank else axis)
        for x, axis, back in zip(operands[kept:], axes_in, turned, strict=True)
    ]
    axes, turned = n.scan_output_axes or itertools.repeat(0), n.scan_output_directions or itertools.repeat(0)
    rows = zip(n.body.outputs[kept:], n.node.outputs[kept:], axes, turned, strict=False)
    sure = isinstance(size := operands[kept].shape and operands[kept].shape[axes_in[0]], int) and size
    collected = [_collected(n, value, output, axis, sure, back) for value, output, axis, back in rows]
    walk = walks[0] if count == 1 else n.expr("zip(*walks)", walks=walks)
    n.is_eager |= not sure
    return Repeat(n.body, list(n.body.inputs[kept:]), walk, states, collected)


def _walk(n, backwards) -> str:
    parts = "x.unbind(axis)" if n.framework == "pytorch" else "ops.unstack(x, axis=axis)"
    return f"reversed({parts})" if backwards else parts


def _map(n):
    """The body is called on the elements of the sequences, and on each tensor as it is."""
    operands = [n.input_sequence, *n.additional_inputs]
    pairs = list(zip(n.body.inputs, operands, strict=True))
    walks = [(value, x) for value, x in pairs if not x.value.is_tensor]
    walk = walks[0][1] if len(walks) == 1 else n.expr("zip(*walks)", walks=[x for _, x in walks])
    parts = [Part(Value(f"{value.name}_parts"), output) for value, output in zip(n.body.outputs, n.node.outputs, strict=True)]
    collected = [(value, part, Variable(part.value)) for value, part in zip(n.body.outputs, parts, strict=True)]
    whole = [(value, x) for value, x in pairs if x.value.is_tensor]
    return Repeat(n.body, [value for value, _ in walks], walk, [], collected, whole)


for name, room in {"If": _if, "Loop": _loop, "Scan": _scan, "SequenceMap": _map}.items():
    operator(name)(type(name, (), {"pytorch": staticmethod(room), "keras": staticmethod(room)}))
