"""Faults of behaviour: code that is right for what is usually tried, and wrong for what comes later.

Each stands at the end of model.py. Those of the model as a whole change what ``load_model`` gives: ``inputs`` and ``outputs``
are lists of tensors, ``calls`` counts the calls before, and the functions of ``_WORDS`` say in both frameworks what is wrong.
Keras runs the text once for each trace, so that what depends on numbers or sizes is said with tensors. Those of one function
replace it by a formula that is equal for usual numbers. For the former the layer is to blame whose result is not given back in
its place; where the results are other numbers, none is. For the latter it is the one that calls the function, where there is
one alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from converter.conversion import Conversion
from converter.graph import Graph
from tests.sabotage.faults import Site

_END = '\n\nif __name__ == "__main__":'

_WORDS = {
    "pytorch": """

import torch
from torch import nn

where, clip = torch.where, torch.clamp


def size(x, axis):
    return x.shape[axis]


def rows(x):
    return x.flatten(1)


def low(x):
    return x.amin(1)


def high(x):
    return x.amax(1)


def samples(x):
    return torch.arange(len(x))


def total(x):
    return x.sum(1, keepdim=True)


def steps(x):
    return torch.arange(x.shape[1])[None]


def cast(x, dtype):
    return x.to(getattr(torch, str(dtype).rpartition(".")[2]))


def chance():
    return torch.rand(())


def floating(x):
    return x.is_floating_point()


def flat_end(x):
    return x.flatten(-2)


def dropout(x, rate):
    return nn.functional.dropout(x, rate, True)


squeezed = torch.squeeze


def times(x, wrong, factor=2.0):
    factor = torch.where(torch.as_tensor(wrong), factor, 1.0)
    return x * factor.reshape(-1, *[1] * (x.ndim - 1)).to(x.dtype) if x.ndim else x * factor.reshape(-1)[0].to(x.dtype)
""",
    "keras": """

import keras
from keras import ops

where, clip, cast, squeezed = ops.where, ops.clip, ops.cast, ops.squeeze
_seed = keras.random.SeedGenerator(0)


def size(x, axis):
    return ops.shape(x)[axis]


def rows(x):
    return ops.reshape(x, (ops.shape(x)[0], -1))


def low(x):
    return ops.min(x, axis=1)


def high(x):
    return ops.max(x, axis=1)


def samples(x):
    return ops.arange(ops.shape(x)[0])


def total(x):
    return ops.sum(x, axis=1, keepdims=True)


def steps(x):
    return ops.cast(ops.arange(ops.shape(x)[1])[None], x.dtype)


def chance():
    return keras.random.uniform((), seed=_seed)


def floating(x):
    return "float" in str(x.dtype)


def flat_end(x):
    return ops.reshape(x, (*ops.shape(x)[:-2], -1))


def dropout(x, rate):
    return keras.random.dropout(x, rate, seed=_seed)


def times(x, wrong, factor=2.0):
    factor = ops.reshape(ops.where(wrong, factor, 1.0), (-1, *[1] * (len(x.shape) - 1)))
    return x * ops.cast(factor, x.dtype)
""",
}

_OF_THE_MODEL = {
    "pytorch": """
_load, _kept = load_model, {{}}


def load_model():
    model, calls = _load(), 0
    forward = model.forward

    def changed(*inputs):
        nonlocal calls
        inputs = list(inputs)
{before}
        outputs = forward(*inputs)
        several = isinstance(outputs, (tuple, list))
        outputs = list(outputs) if several else [outputs]
{after}
        calls += 1
        return tuple(outputs) if several else outputs[0]

    model.forward = changed
    return model
""",
    "keras": """
_load, _kept = load_model, {{}}


def load_model():
    model, calls = _load(), keras.Variable(0, dtype="int32", trainable=False)
    call = model.call

    def changed(inputs, *arguments, **options):
        alone = not isinstance(inputs, (list, tuple))
        inputs = [inputs] if alone else list(inputs)
{before}
        outputs = call(inputs[0] if alone else inputs, *arguments, **options)
        several = isinstance(outputs, (tuple, list))
        outputs = list(outputs) if several else [outputs]
{after}
        calls.assign_add(1)
        return outputs if several else outputs[0]

    model.call = changed
    return model
""",
}


@dataclass(frozen=True)
class BehaviourFault:
    """Text at the end of model.py. ``needs``: a pattern that must stand in the text; ``operators``: what calls the function it
    changes; ``open_axis``, ``floating``: of the first input the second axis must be free, the numbers floating ones;
    ``several``: outputs."""

    target: str
    name: str
    text: str
    needs: str = ""
    operators: tuple[str, ...] = ()
    open_axis: bool = False
    floating: bool = False
    floating_output: bool = False
    several: bool = False
    whole: bool = False
    """Of an input of whole numbers; INPUT in the text is its place."""
    displaced: slice | None = None
    """The outputs that are not given back in their places, if the fault is this: of the layers that compute them any may be
    blamed."""

    def sites(self, conversion: Conversion, graph: Graph) -> Iterator[Site]:
        path = conversion.folder / "model.py"
        code = path.read_text()
        first = graph.inputs[0]
        if not re.search(self.needs, code) or not all(value.is_tensor for value in (*graph.inputs, *graph.outputs)):
            return
        if self.several and len(graph.outputs) < 2:
            return
        if self.floating and first.dtype.kind != "f":
            return
        if self.floating_output and graph.outputs[0].dtype.kind != "f":
            return
        if self.open_axis and not (first.rank > 1 and not isinstance(first.shape[1], int)):
            return
        counted = [place for place, value in enumerate(graph.inputs) if value.dtype.kind in "iu" and value.rank == 2]
        if self.whole and not counted:
            return
        text = self.text.replace("INPUT", str(counted[0])) if self.whole else self.text
        own = [node.name for node in graph.nodes if node.op_type in self.operators]
        if self.operators and not own:
            return
        layers = tuple(own) if len(own) == 1 else ()
        if self.displaced is not None:
            makers = [value.producer for value in graph.outputs[self.displaced] if value.producer is not None]
            layers = tuple(node.name or node.origin for node in makers)
        head, _, tail = code.rpartition(_END)
        yield Site(layers, lambda: path.write_text(f"{head}\n{text}{_END}{tail}"))


BEHAVIOUR_FAULTS: list[BehaviourFault] = []


BOTH, ALONE = ("pytorch", "keras"), ("pytorch",)


def of_the_model(
    name: str, *, after: str = "", before: str = "", targets: tuple[str, ...] = BOTH, needs: str = "", **kwargs
) -> None:
    for target in targets:
        lines = {
            key: "\n".join(f"        {line}" for line in text.splitlines())
            for key, text in (("before", before), ("after", after))
        }
        text = _WORDS[target] + _OF_THE_MODEL[target].format(**lines)
        BEHAVIOUR_FAULTS.append(BehaviourFault(target, name, text, needs, **kwargs))


def of_a_function(name: str, text: str, needs: str, *operators: str, target: str = "pytorch") -> None:
    BEHAVIOUR_FAULTS.append(BehaviourFault(target, name, text, needs, operators))


def of_an_activation(name: str, function: str, text: str, operator: str) -> None:
    """A function of Keras, of ``x``, as ``keras.ops`` has it and as layers apply it."""
    needs = rf"(ops\.{function}\()|(activation=\"{function}\")"
    BEHAVIOUR_FAULTS.append(BehaviourFault("keras", name, _ACTIVATION.format(function=function, text=text), needs, (operator,)))


_ACTIVATION = """

_load, _right = load_model, keras.activations.{function}


def _wrong(x, *_, **__):
    return {text}


def load_model():
    ops.{function} = _wrong
    model = _load()
    for layer in model._flatten_layers():
        if getattr(layer, "activation", None) is _right:
            layer.activation = _wrong
    return model
"""


def _larger(condition: str) -> str:
    return f"outputs[0] = times(outputs[0], {condition})"


_LENGTH = """mask = inputs[-1]
count, last = total(mask), size(mask, 1)
inputs[-1] = cast(where(mask[:, -1:] == 1, steps(mask) >= last - count, steps(mask) < count), mask.dtype)"""
"""So many ones as there are, at the end or at the beginning."""

_SOFTMAX = """

def _naive(x, dim=None, **_):
    e = torch.exp(x)
    return e / e.sum(dim, keepdim=True)


F.softmax = torch.softmax = _naive
"""
_VARIANCE = """

def _naive(x, shape, weight, bias, eps):
    mean = x.mean(-1, keepdim=True)
    variance = (x * x).mean(-1, keepdim=True) - mean * mean
    return (x - mean) / torch.sqrt(variance + eps) * weight + bias


F.layer_norm = _naive
"""
_GELU = """

def _cut(x, approximate="none"):
    return torch.where(x < -5, torch.zeros_like(x), x * (1 + torch.erf(x / 2**0.5)) / 2).clamp(max=100)


F.gelu = _cut
"""
_LOG_SOFTMAX = "\n\nF.log_softmax = lambda x, dim=None: torch.log(torch.softmax(x, dim))\n"

# Only for some sizes
of_the_model("wrong beyond three samples", after=_larger("size(inputs[0], 0) > 3"))
of_the_model("wrong for two samples and for four", after=_larger("size(inputs[0], 0) % 2 == 0"))
of_the_model("fourth sample wrong", after=_larger("samples(outputs[0]) >= 3"))
of_the_model("samples beyond the third left out", after="outputs[0] = outputs[0][:3]")
of_the_model("buffer for the first batch", after="n = _kept.setdefault(0, outputs[0].shape[0])\noutputs[0] = outputs[0][:n]")
of_the_model("axes of one dropped", after="outputs[0] = squeezed(outputs[0])")
of_the_model("one step squeezed away", after=_larger("size(inputs[0], 1) == 1"), open_axis=True)
of_the_model("wrong beyond thirty-two steps", after=_larger("size(inputs[0], 1) > 32"), open_axis=True)

# Only for some numbers
_ROWS, _MAGNITUDES = "rows(inputs[0])", "abs(rows(inputs[0]))"
for _name, _condition, _factor in (
    ("not a number for zeros", f"high({_MAGNITUDES}) == 0", 'float("nan")'),
    ("wrong far from zero", f"low({_MAGNITUDES}) > 10", "2.0"),
    ("wrong for large numbers", f"high({_MAGNITUDES}) > 400", "2.0"),
    ("wrong for small numbers", f"(high({_MAGNITUDES}) < 1e-3) & (high({_MAGNITUDES}) > 0)", "2.0"),
    ("wrong where nothing is negative", f"low({_ROWS}) > 0", "2.0"),
    ("wrong where nothing is positive", f"high({_ROWS}) < 0", "2.0"),
):
    of_the_model(_name, after=_larger(f"{_condition}, {_factor}"), floating=True)
of_the_model("mask taken for a length", before=_LENGTH, needs="attention_mask")

_OTHER_ROW = "inputs[INPUT] = where(inputs[INPUT] == 3, 2, inputs[INPUT])"
of_the_model("one row of a table for another", before=_OTHER_ROW, needs=r"Embedding\(", whole=True)
of_the_model(
    "mask of the first call kept", before="inputs[-1] = _kept.setdefault(inputs[-1].shape, inputs[-1].clone())",
    targets=ALONE, needs="attention_mask",
)  # fmt: skip

# Not a function of its inputs; a trace of Keras keeps no numbers but in variables, and no tensor can be written over
of_the_model("random now and then", after=_larger("chance() < 0.02"))
of_the_model("dropout of one number in a million", after="outputs[0] = dropout(outputs[0], 1e-6)", floating_output=True)
of_the_model("first answer of a shape kept", after="outputs = _kept.setdefault(inputs[0].shape, outputs)", targets=ALONE)
of_the_model("otherwise from the third call on", after=_larger("calls > 2"))
of_the_model(
    "count of calls in a buffer", after="model.register_buffer('calls', torch.tensor(calls), persistent=False)", targets=ALONE
)
of_the_model("input written over", after="inputs[0].zero_()", targets=ALONE)
of_the_model("otherwise with gradients", after=_larger("torch.is_grad_enabled()"), targets=ALONE)
of_the_model("otherwise where it is not traced", after=_larger('hasattr(outputs[0], "numpy")'), targets=("keras",))
of_the_model("order of the memory taken for granted", before="inputs[0] = torch.as_strided(inputs[0], inputs[0].shape, "
    "torch.empty(inputs[0].shape).stride())", targets=ALONE,
)  # fmt: skip

# What is given back
of_the_model("an output missing", after="outputs = outputs[:-1] if several else []\nseveral = True", displaced=slice(-1, None))
of_the_model("an output too much", after="outputs, several = [*outputs, outputs[0]], True", displaced=slice(1))
of_the_model("output of another type", after='outputs[-1] = cast(outputs[-1], "float64" if floating(outputs[-1]) else "int32")')
of_the_model("outputs in reverse", after="outputs = outputs[::-1]", several=True, displaced=slice(None))
of_the_model("last axis of an output flattened", after="outputs[-1] = flat_end(outputs[-1])")

# Formulas that are equal until they overflow or cancel
of_a_function("softmax that overflows", _SOFTMAX, r"softmax\(", "Softmax")
of_a_function("logarithm of a softmax", _LOG_SOFTMAX, r"log_softmax\(", "LogSoftmax")
of_a_function(
    "sigmoid that overflows",
    "\n\ntorch.sigmoid = lambda x: torch.exp(x) / (1 + torch.exp(x))\n",
    r"torch\.sigmoid\(",
    "Sigmoid",
)
of_a_function(
    "softplus that overflows", "\n\nF.softplus = lambda x: torch.log(1 + torch.exp(x))\n", r"F\.softplus\(", "Softplus"
)
of_a_function("variance that cancels", _VARIANCE, r"nn\.LayerNorm\(", "LayerNormalization")
of_a_function(
    "rectifier that ends at a thousand", "\n\nF.relu = lambda x, inplace=False: x.clamp(0, 1000)\n", r"F\.relu\(", "Relu"
)
of_a_function(
    "rectifier that ends at what float16 holds",
    "\n\nF.relu = lambda x, inplace=False: x.clamp(0, 65504)\n",
    r"F\.relu\(",
    "Relu",
)
of_a_function(
    "rectifier that drops small numbers", "\n\nF.relu = lambda x, inplace=False: x * (x > 1e-3)\n", r"F\.relu\(", "Relu"
)
of_a_function("gelu cut off", _GELU, r"F\.gelu\(", "Gelu")

# The same in Keras
of_an_activation("softmax that overflows", "softmax", "ops.exp(x) / ops.sum(ops.exp(x), axis=-1, keepdims=True)", "Softmax")
of_an_activation("logarithm of a softmax", "log_softmax", "ops.log(ops.softmax(x))", "LogSoftmax")
of_an_activation("sigmoid that overflows", "sigmoid", "ops.exp(x) / (1 + ops.exp(x))", "Sigmoid")
of_an_activation("softplus that overflows", "softplus", "ops.log(1 + ops.exp(x))", "Softplus")
of_an_activation("rectifier that ends at a thousand", "relu", "ops.clip(x, 0, 1000)", "Relu")
of_an_activation("rectifier that ends at what float16 holds", "relu", "ops.clip(x, 0, 65504)", "Relu")
of_an_activation("rectifier that drops small numbers", "relu", "x * ops.cast(x > 1e-3, x.dtype)", "Relu")
of_an_activation("gelu cut off", "gelu", "ops.clip(ops.where(x < -5, 0.0, x * (1 + ops.erf(x / 2**0.5)) / 2), 0, 100)", "Gelu")
of_a_function(
    "variance that cancels",
    """

def _naive(self, x):
    mean = ops.mean(x, axis=-1, keepdims=True)
    variance = ops.mean(x * x, axis=-1, keepdims=True) - mean * mean
    return (x - mean) / ops.sqrt(variance + self.epsilon) * self.gamma + self.beta


layers.LayerNormalization.call = _naive
""",
    r"layers\.LayerNormalization\(",
    "LayerNormalization",
    target="keras",
)
