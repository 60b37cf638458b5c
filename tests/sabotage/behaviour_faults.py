"""Faults of behaviour: code that is right for what is usually tried, and wrong for what comes later.

Each stands at the end of model.py. Those of the model as a whole change what ``load_model`` gives: ``inputs`` and ``outputs``
are lists of tensors, ``calls`` counts the calls before. Those of one function replace it by a formula that is equal for usual
numbers. For the former the layer is to blame whose result is not given back in its place; where the results are other numbers,
none is. For the latter it is the one that calls the function, where there is one alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from converter.conversion import Conversion
from converter.graph import Graph
from tests.sabotage.faults import Site

_END = '\n\nif __name__ == "__main__":'

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
    model, calls = _load(), 0
    call = model.call

    def changed(inputs, *arguments, **options):
        nonlocal calls
        alone = not isinstance(inputs, (list, tuple))
        inputs = [inputs] if alone else list(inputs)
{before}
        outputs = call(inputs[0] if alone else inputs, *arguments, **options)
        several = isinstance(outputs, (tuple, list))
        outputs = list(outputs) if several else [outputs]
{after}
        calls += 1
        return outputs if several else outputs[0]

    model.call = changed
    return model
""",
}


@dataclass(frozen=True)
class BehaviourFault:
    """Text at the end of model.py. ``needs``: what must stand in the text; ``operators``: what calls the function that it
    changes; ``open_axis``, ``floating``: of the first input the second axis must be free, the numbers floating ones;
    ``several``: outputs."""

    target: str
    name: str
    text: str
    needs: str = ""
    operators: tuple[str, ...] = ()
    open_axis: bool = False
    floating: bool = False
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
        if self.needs not in code or not all(value.is_tensor for value in (*graph.inputs, *graph.outputs)):
            return
        if self.several and len(graph.outputs) < 2:
            return
        if self.floating and first.dtype.kind != "f":
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


def of_the_model(
    name: str, *, after: str = "", before: str = "", targets: tuple[str, ...] = ("pytorch", "keras"), **kwargs
) -> None:
    for target in targets:
        lines = {
            key: "\n".join(f"        {line}" for line in text.splitlines())
            for key, text in (("before", before), ("after", after))
        }
        BEHAVIOUR_FAULTS.append(BehaviourFault(target, name, _OF_THE_MODEL[target].format(**lines), **kwargs))


def of_a_function(name: str, text: str, needs: str, *operators: str) -> None:
    BEHAVIOUR_FAULTS.append(BehaviourFault("pytorch", name, text, needs, operators))


def _of_samples(condition: str, factor: str = "2.0") -> str:
    """A sample (row of ``rows``) for which the condition holds is so many times as large."""
    return (
        f"rows = inputs[0].flatten(1)\nwrong = {condition}\n"
        f"outputs[0] = outputs[0] * torch.where(wrong, {factor}, 1.0).reshape(-1, *[1] * (outputs[0].ndim - 1))"
    )


def _larger(condition: str) -> str:
    return f"if {condition}:\n    outputs[0] = outputs[0] + outputs[0]"


ALONE = ("pytorch",)

_LENGTH = """mask = inputs[-1]
count, places = mask.sum(1, keepdim=True), torch.arange(mask.shape[1])[None]
at_the_end = mask[:, -1:] == 1
inputs[-1] = torch.where(at_the_end, places >= mask.shape[1] - count, places < count).to(mask.dtype)"""
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
of_the_model("wrong beyond three samples", after=_larger("inputs[0].shape[0] > 3"), targets=ALONE)
of_the_model("wrong for two samples and for four", after=_larger("inputs[0].shape[0] % 2 == 0"), targets=ALONE)
of_the_model("fourth sample wrong", after="outputs[0] = torch.cat([outputs[0][:3], 2 * outputs[0][3:]])", targets=ALONE)
of_the_model("samples beyond the third left out", after="outputs[0] = outputs[0][:3]")
of_the_model(
    "buffer for the first batch", after="n = _kept.setdefault(0, len(outputs[0]))\noutputs[0] = outputs[0][:n]", targets=ALONE
)
of_the_model("axes of one dropped", after="outputs[0] = torch.squeeze(outputs[0])", targets=ALONE)
of_the_model("one step squeezed away", after=_larger("inputs[0].shape[1] == 1"), targets=ALONE, open_axis=True)
of_the_model("wrong beyond thirty-two steps", after=_larger("inputs[0].shape[1] > 32"), targets=ALONE, open_axis=True)

# Only for some numbers
of_the_model("not a number for zeros", after=_of_samples("~rows.any(1)", "torch.nan"), targets=ALONE, floating=True)
of_the_model("wrong far from zero", after=_of_samples("rows.abs().amin(1) > 10"), targets=ALONE, floating=True)
of_the_model("wrong for large numbers", after=_of_samples("rows.abs().amax(1) > 400"), targets=ALONE, floating=True)
of_the_model(
    "wrong for small numbers", after=_of_samples("(rows.abs().amax(1) < 1e-3) & rows.any(1)"), targets=ALONE, floating=True
)
of_the_model("wrong where nothing is negative", after=_of_samples("rows.amin(1) > 0"), targets=ALONE, floating=True)
of_the_model("wrong where nothing is positive", after=_of_samples("rows.amax(1) < 0"), targets=ALONE, floating=True)
of_the_model("mask taken for a length", before=_LENGTH, targets=ALONE, needs="attention_mask")

_OTHER_ROW = "inputs[INPUT] = torch.where(inputs[INPUT] == 3, 2, inputs[INPUT])"
of_the_model("one row of a table for another", before=_OTHER_ROW, targets=ALONE, needs="nn.Embedding", whole=True)
of_the_model(
    "mask of the first call kept", before="inputs[-1] = _kept.setdefault(inputs[-1].shape, inputs[-1].clone())",
    targets=ALONE, needs="attention_mask",
)  # fmt: skip

# Not a function of its inputs
of_the_model("random now and then", after="if torch.rand(()) < 0.02:\n    outputs[0] = 2 * outputs[0]", targets=ALONE)
of_the_model(
    "dropout of one number in a million", after="outputs[0] = F.dropout(outputs[0], 1e-6, True)", needs="as F", targets=ALONE
)
of_the_model("first answer of a shape kept", after="outputs = _kept.setdefault(inputs[0].shape, outputs)", targets=ALONE)
of_the_model(
    "count of calls in a buffer", after="model.register_buffer('calls', torch.tensor(calls), persistent=False)", targets=ALONE
)
of_the_model("input written over", after="inputs[0].zero_()", targets=ALONE)
of_the_model("otherwise with gradients", after=_larger("torch.is_grad_enabled()"), targets=ALONE)
of_the_model("order of the memory taken for granted", before="inputs[0] = torch.as_strided(inputs[0], inputs[0].shape, "
    "torch.empty(inputs[0].shape).stride())", targets=ALONE,
)  # fmt: skip

# What is given back
of_the_model("an output missing", after="outputs = outputs[:-1] if several else []\nseveral = True", displaced=slice(-1, None))
of_the_model("an output too much", after="outputs, several = [*outputs, outputs[0]], True", displaced=slice(1))
of_the_model("output of another type", after="outputs[-1] = outputs[-1].to(torch.int32 if not outputs[-1].is_floating_point() "
    "else torch.float64)", targets=ALONE,
)  # fmt: skip
of_the_model("outputs in reverse", after="outputs = outputs[::-1]", several=True, displaced=slice(None))
of_the_model("last axis of an output flattened", after="outputs[-1] = outputs[-1].flatten(-2)", targets=ALONE)

# Formulas that are equal until they overflow or cancel
of_a_function("softmax that overflows", _SOFTMAX, "softmax(", "Softmax")
of_a_function("logarithm of a softmax", _LOG_SOFTMAX, "log_softmax(", "LogSoftmax")
of_a_function(
    "sigmoid that overflows", "\n\ntorch.sigmoid = lambda x: torch.exp(x) / (1 + torch.exp(x))\n", "torch.sigmoid(", "Sigmoid"
)
of_a_function("softplus that overflows", "\n\nF.softplus = lambda x: torch.log(1 + torch.exp(x))\n", "F.softplus(", "Softplus")
of_a_function("variance that cancels", _VARIANCE, "nn.LayerNorm(", "LayerNormalization")
of_a_function(
    "rectifier that ends at a thousand", "\n\nF.relu = lambda x, inplace=False: x.clamp(0, 1000)\n", "F.relu(", "Relu"
)
of_a_function(
    "rectifier that ends at what float16 holds", "\n\nF.relu = lambda x, inplace=False: x.clamp(0, 65504)\n", "F.relu(", "Relu"
)
of_a_function("rectifier that drops small numbers", "\n\nF.relu = lambda x, inplace=False: x * (x > 1e-3)\n", "F.relu(", "Relu")
of_a_function("gelu cut off", _GELU, "F.gelu(", "Gelu")
