"""Faults in the emitted text: what a slip in an emitter, or a hand that edits model.py, would do.

A row is a pattern and what stands there instead. The layer to blame is the one that the statement constructs, or, for
functions, the one of ``operator`` with the same number as the match; where neither is known, nobody is held to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from converter.conversion import Conversion
from converter.graph import Graph
from tests.sabotage.faults import Site


@dataclass(frozen=True)
class CodeFault:
    """A change of the text of model.py."""

    target: str
    name: str
    pattern: str
    replacement: str
    operator: str | None = None

    def sites(self, conversion: Conversion, graph: Graph) -> Iterator[Site]:
        path = conversion.folder / "model.py"
        code = path.read_text()
        matches = [match for match in re.finditer(self.pattern, code) if match.expand(self.replacement) != match.group()]
        nodes = [node for each in graph.nested() for node in each.nodes]
        candidates = [node.name for node in nodes if node.op_type == self.operator]
        for number, match in enumerate(matches):
            layer = _constructed(code, match.start(), {node.name for node in nodes})
            if "activation" in self.pattern:
                layer = _activation(graph, layer)
            if layer is None and len(candidates) == len(matches):
                layer = candidates[number]
            layers = () if layer is None else (layer,)
            yield Site(layers, lambda match=match: _replace(path, code, match, match.expand(self.replacement)))


def _activation(graph: Graph, layer: str | None) -> str | None:
    """The function that stands in the arguments of a layer: the one that reads its result."""
    node = next((node for node in graph.nodes if node.name == layer), None)
    while node is not None and node.output.users:
        node = node.output.users[0][0]
        if node.op_type in _ACTIVATIONS:
            return node.name
    return None


_ACTIVATIONS = {"Relu", "LeakyRelu", "Elu", "Selu", "Gelu", "Silu", "HardSwish", "Sigmoid", "HardSigmoid", "Tanh", "Softplus"}
_ACTIVATIONS |= {"Softmax", "LogSoftmax", "Softsign", "Mish"}


def _replace(path: Path, code: str, match: re.Match, text: str) -> None:
    path.write_text(code[: match.start()] + text + code[match.end() :])


def _constructed(code: str, place: int, names: set[str]) -> str | None:
    """The layer that the line around ``place`` constructs."""
    line = code[code.rfind("\n", 0, place) + 1 : code.find("\n", place)]
    found = re.match(r"\s+self\.(\w+) = nn\.", line) or re.search(r'name="(\w+)"', line)
    return found.group(1) if found and found.group(1) in names else None


def pytorch(name: str, pattern: str, replacement: str, operator: str | None = None) -> None:
    CODE_FAULTS.append(CodeFault("pytorch", name, pattern, replacement, operator))


def keras(name: str, pattern: str, replacement: str, operator: str | None = None) -> None:
    CODE_FAULTS.append(CodeFault("keras", name, pattern, replacement, operator))


CODE_FAULTS: list[CodeFault] = []
RESULT = r"\n        return ([^,\n]+)\n\n\ndef load_model"

# Arguments of layers
pytorch("padding forgotten", r"(nn\.\w+\(.*), padding=(?:\d+|\([^)]*\))", r"\1")
pytorch("stride forgotten", r"(nn\.\w+\(.*), stride=(?:\d+|\([^)]*\))", r"\1")
pytorch("dilation forgotten", r"(nn\.Conv2d\(.*), dilation=\d+", r"\1")
pytorch("dilation and padding of one", r"(nn\.Conv2d\(.*), padding=2, dilation=2", r"\1, padding=1")
pytorch("ceil_mode forgotten", r", ceil_mode=True", "")
pytorch("padding not counted", r"(nn\.AvgPool2d\((?:[^()]|\([^)]*\))*)\)", r"\1, count_include_pad=False)")
pytorch(
    "default epsilon of Keras",
    r"(nn\.(?:BatchNorm2d|InstanceNorm2d|LayerNorm|GroupNorm)\((?:(?!eps=)[^)\n])*)\)",
    r"\1, eps=1e-3)",
)
pytorch("epsilon forgotten", r", eps=1e-05", "")
pytorch("groups of a GroupNorm", r"nn\.GroupNorm\(4,", "nn.GroupNorm(2,")
pytorch("factor of LRN forgotten", r"(nn\.LocalResponseNorm\(.*), k=2\.0", r"\1")
pytorch("alpha of LRN divided", r"alpha=0\.6", "alpha=0.2")
pytorch("output padding and cropping", r"padding=1, output_padding=1", "padding=0, output_padding=0")
pytorch("maximum for mean", r"nn\.AdaptiveAvgPool2d\(1\)", "nn.AdaptiveMaxPool2d(1)")
pytorch("one direction alone", r"(nn\.LSTM\(.*), bidirectional=True", r"\1")
pytorch("strings of convolutions in order", r"self\.one = nn\.Conv2d\(4, 4, 1\)", "self.one = nn.Conv2d(4, 4, 1, groups=1)")

# Functions
pytorch(
    "sides of F.pad in ONNX' order", r"F\.pad\((.*?), \((-?\d+), (-?\d+), (-?\d+), (-?\d+)\)", r"F.pad(\1, (\4, \5, \2, \3)"
)
pytorch("begin and end of F.pad", r"F\.pad\((.*?), \((-?\d+), (-?\d+), (-?\d+), (-?\d+)\)", r"F.pad(\1, (\3, \2, \5, \4)")
pytorch("max pooling over zeros", r', value=float\("-inf"\)', "")
pytorch("reflection forgotten", r', mode="reflect"', "", "Pad")
pytorch("replication for reflection", r'mode="reflect"', 'mode="replicate"', "Pad")
pytorch("relu6", r"F\.relu\(", "F.relu6(", "Relu")
pytorch("tanh formula of gelu", r"F\.gelu\(((?:[^()]|\([^()]*\))*)\)", r'F.gelu(\1, approximate="tanh")', "Gelu")
pytorch("default slope", r", negative_slope=0\.1", "", "LeakyRelu")
pytorch("default alpha", r"(F\.elu\(.*), alpha=0\.7", r"\1", "Elu")
pytorch("elu for selu", r"F\.selu\(", "F.elu(", "Selu")
pytorch("sigmoid for hardsigmoid", r"F\.hardsigmoid\(", "torch.sigmoid(", "HardSigmoid")
pytorch("silu for hardswish", r"F\.hardswish\(", "F.silu(", "HardSwish")
pytorch("softmax over the first axis", r"F\.softmax\((\w+), dim=-1\)", r"F.softmax(\1, dim=0)", "Softmax")
pytorch("softmax over the second axis", r"F\.softmax\((\w+), dim=-1\)", r"F.softmax(\1, dim=1)", "Softmax")
pytorch("logarithm forgotten", r"F\.log_softmax\(", "F.softmax(", "LogSoftmax")
pytorch("concatenation reversed", r"torch\.cat\(\[(\w+), (\w+)\]", r"torch.cat([\2, \1]")
pytorch("channels last flattened", r"torch\.flatten\((\w+), 1\)", r"torch.flatten(\1.permute(0, 2, 3, 1), 1)", "Flatten")
pytorch(
    "blocks in the other order",
    r"F\.pixel_shuffle\((.+), 2\)",
    r"F.pixel_shuffle((\1).unflatten(1, (4, 2)).transpose(1, 2).flatten(1, 2), 2)",
)
pytorch("bilinear forgotten", r', mode="bilinear"', "")
pytorch("corners aligned", r'mode="bilinear"', 'mode="bilinear", align_corners=True')
pytorch("antialias", r'mode="bilinear"', 'mode="bilinear", antialias=True')
pytorch("pixel centres for nearest", r"F\.interpolate\(crop, size=32\)", 'F.interpolate(crop, size=32, mode="nearest-exact")')
pytorch("attention mask forgotten", r", attn_mask=self\.bias", "", "Attention")
pytorch("causal for the mask", r"attn_mask=self\.bias", "is_causal=True", "Attention")
pytorch("attention without scale", r"attn_mask=self\.bias", "attn_mask=self.bias, scale=1.0", "Attention")
pytorch("scale of attention twice", r"attn_mask=self\.bias", "attn_mask=self.bias, scale=1 / 8", "Attention")
pytorch("mask inverted", r"\(1\.0 - ([^()]+\([^()]*\)[^()]*)\)", r"\1")
pytorch("mask for queries", r"\[:, None, None\]", "[:, None, :, None]")
pytorch("first token off by one", r"tokens\[:, 0\]", "tokens[:, 1]")
pytorch("positions off by one", r"_weight\[: ids\.shape\[1\]\]", "_weight[1 : ids.shape[1] + 1]")
pytorch("halves turned the other way", r"torch\.cat\(\[-second, first\]", "torch.cat([second, -first]")
pytorch("halves interleaved", r"first, second = x\.chunk\(2, dim=-1\)", "first, second = x[..., ::2], x[..., 1::2]")
pytorch("residual forgotten", r"return residual1 \+ ", "return ")
pytorch("gate on the other branch", r"F\.silu\(self\.gate\((\w+)\)\)", r"self.gate(F.silu(\1))")
pytorch("skip from behind", r"\+ hard_swish\n", "+ x\n")
pytorch("difference reversed", r"(\w+) - (x|other)\n", r"\2 - \1\n")
pytorch("quotient reversed", r"minus @ (F\.softmax\(x, dim=-1\)) / (\(.*\))\n", r"\2 / (minus @ \1)\n")
pytorch("normalisation forgotten", r"\(image - self\.image_mean\) / self\.image_deviation", "image")
pytorch(
    "normalisation in another order",
    r"\(image - self\.image_mean\) / self\.image_deviation",
    "image / self.image_deviation - self.image_mean",
)
pytorch("transpose forgotten", r"\.transpose\(1, 2\)\n", "\n")
pytorch("row for column", r"self\.gain_column", "self.gain_column.T")
pytorch("column for row", r"self\.shift_row", "self.shift_row[:, None]")
pytorch("quantum rounded up", r"torch\.round\((?=\w+ )", "torch.ceil(")
pytorch("scale of one quantisation", r"dequantize\(x, 0\.005,", "dequantize(x, 0.0051,")
pytorch("power", r" ?\*\* ?3\.0", "**2.0")
pytorch("equal counts as less", r"a < b", "a <= b")
pytorch("branches of where", r"torch\.where\(less, log, x\)", "torch.where(less, x, log)")
pytorch("upper bound forgotten", r", max=1\.5", "")
pytorch("unstable order", r", stable=True", "")
pytorch("smallest", r"top_k\(x, 2, -1, True\)", "top_k(x, 2, -1, False)")
pytorch("half away from zero", r"torch\.round\(b \* 2\.0\)", "torch.sign(b) * torch.floor(torch.abs(b * 2.0) + 0.5)")
pytorch("towards zero", r"torch\.floor\(a\)", "torch.trunc(a)")
pytorch("whole numbers of 32 bits", r"n \* \(n \+ 3\)", "(n.int() * (n.int() + 3)).long()")
pytorch("axis of the largest", r"torch\.amax\(x, dim=1", "torch.amax(x, dim=2")
pytorch("mean that counts samples", r"torch\.mean\(a, dim=1, keepdim=True\)", "torch.mean(a, dim=(0, 1), keepdim=True)")
pytorch("exclusive forgotten", r"x, 1, 0, True, False\)", "x, 1, 0, False, False)")

pytorch("infinity for what is no number", r"torch\.isnan\(", "torch.isinf(", "IsNaN")
pytorch("missing numbers left as they are", r"torch\.where\(out, self\.mean, x\)", "torch.nan_to_num(x)")
pytorch("setting off by one", r"== 37", "== 36")
pytorch("rows of another column", r"rows\.unbind\(1\)", "rows.flip(1).unbind(1)")

# What is written over though it is read again: in a later line, before it is assigned anew
READ_AGAIN = r"(?=(?:(?!\n\s+\2 = |\n\n|\n +def )[\s\S])*?\n[^\n]*\b\2\b)"
pytorch("read again after selu in place", r"F\.(selu)\((\w+)\)" + READ_AGAIN, r"F.\1(\2, inplace=True)", "Selu")
pytorch("mask of attention negated", r"attn_mask=self\.(\w+)", r"attn_mask=-self.\1", "Attention")
pytorch("steps for the batch", r"(nn\.MultiheadAttention\(.*), batch_first=True", r"\1", "MultiheadAttention")
pytorch("other heads", r"nn\.MultiheadAttention\((\d+), \d+", r"nn.MultiheadAttention(\1, 1")
pytorch("windows side by side", r"\.transpose\(2, 3\)\.reshape\(-1, size", r".reshape(-1, size", "WindowPartition")
pytorch("windows put back side by side", r"\.transpose\(2, 3\)\.reshape\(-1, height", r".reshape(-1, height")
pytorch("shift of windows the other way", r"\(-self\.shift, -self\.shift\)", "(self.shift, self.shift)")
pytorch("bicubic forgotten", r'mode="bicubic"', 'mode="bilinear"')
pytorch("corners not aligned", r", align_corners=True", "")
pytorch("antialias forgotten", r", antialias=1", "")

# Recurrent cells
pytorch("order of the gates", r"i, o, forget, c = ", "i, forget, o, c = ")
pytorch("backwards forgotten", r'\n +direction="reverse",', "", "GRU")
pytorch("steps given back in another order", r"outputs\[::-1\] if reverse else outputs", "outputs")
pytorch("peepholes forgotten", r"\n +p=self\.peep_P,", "")
pytorch("peephole of the old cell", r"po \* cell\) \* h\(cell\)", "po * cell) * cell")
pytorch("states exchanged", r"\(h0, c0\)", "(c0, h0)", "LSTM")
pytorch("states forgotten", r", \(h0, c0\)\)", ")", "LSTM")
pytorch("reset on the other side", r"\(reset \* hidden\) @ r\[2 \* size :\]\.T", "reset * (hidden @ r[2 * size :].T)")
pytorch("new and old exchanged", r"\(1 - z\) \* g\((.*)\) \+ z \* hidden", r"z * g(\1) + (1 - z) * hidden")
pytorch(
    "directions interleaved", r"y\.unflatten\(-1, \(directions, -1\)\)", "y.unflatten(-1, (-1, directions)).transpose(-1, -2)"
)

# The model as a whole
pytorch("left in training mode", r"return model\.eval\(\)", "return model.train()")
pytorch("weights not loaded", r"\n    model\.load_state_dict\(.*\)", "")
pytorch("results exchanged", r"return \(?(\w+), (\w+)\)?\n", r"return \2, \1\n")
pytorch("inputs exchanged", r"def forward\(self, (\w+), (\w+)", r"def forward(self, \2, \1")
pytorch("attention of the first sample for all", r"\.flatten\(2\)", ".flatten(2)[:1]")
pytorch("length written down", r"ids\.shape\[1\]", "6")
pytorch("heads interleaved", r"\.transpose\(1, 2\)\.flatten\(2\)", ".permute(0, 2, 3, 1).flatten(2)")
pytorch("samples reversed in a batch", RESULT, r"\n        return (\1).flip(0)\n\n\ndef load_model")
pytorch(
    "mean of the batch taken away",
    RESULT,
    r"\n        out = \1\n        return out - 0.01 * out.mean(0)\n\n\ndef load_model",
)
pytorch(
    "state kept between calls",
    RESULT,
    r"\n        self.calls = 1 + getattr(self, 'calls', 0)"
    r"\n        return (\1) * (1 if self.calls == 1 else 1.01)\n\n\ndef load_model",
)
pytorch("float16 at the end", RESULT, r"\n        return (\1).half().float()\n\n\ndef load_model")
pytorch("bfloat16 at the end", RESULT, r"\n        return (\1).bfloat16().float()\n\n\ndef load_model")
pytorch("float64 given back", RESULT, r"\n        return (\1).double()\n\n\ndef load_model")
pytorch("an axis too much", RESULT, r"\n        return (\1)[None]\n\n\ndef load_model")
pytorch(
    "NaN for large numbers",
    RESULT,
    r"\n        out = \1\n        return torch.where(out.abs() > out.abs().max() * 0.999, torch.nan, out)\n\n\ndef load_model",
)
pytorch("noise", RESULT, r"\n        out = \1\n        return out * (1 + 1e-4 * torch.randn_like(out))\n\n\ndef load_model")
pytorch("syntax", r"def forward\(self", "def forward(self self")
pytorch("name that is not there", r"return self\.fc", "return self.fully_connected")

# Keras
keras("sides of ZeroPadding2D", r"ZeroPadding2D\(\(\((\d), (\d)\), \((\d), (\d)\)\)\)", r"ZeroPadding2D(((\3, \4), (\1, \2)))")
keras(
    "begin and end of ZeroPadding2D",
    r"ZeroPadding2D\(\(\((\d), (\d)\), \((\d), (\d)\)\)\)",
    r"ZeroPadding2D(((\2, \1), (\4, \3)))",
)
keras(
    "same for sides",
    r"x = layers\.ZeroPadding2D\(\(\(0, 1\), \(1, 2\)\)\)\(image\)\n    x = layers\.Conv2D\(8, 3, name=\"conv1\"\)\(x\)",
    'x = layers.ZeroPadding2D(((0, 0), (0, 1)))(image)\n    x = layers.Conv2D(8, (2, 3), padding="same", name="conv1")(x)',
)
keras("dilation forgotten", r"ZeroPadding2D\(2\)\(x\)\n(.*), dilation_rate=2", r"ZeroPadding2D(1)(x)\n\1")
keras("groups forgotten", r", groups=2", "")
keras("epsilon forgotten", r", epsilon=1e-05", "")
keras("momentum forgotten", r"momentum=0\.9, ", "")
keras("max pooling over zeros", r', constant_values=float\("-inf"\)', "")
keras("activation forgotten", r', activation="\w+"', "")
keras("activation taken for another", r'activation="softmax"', 'activation="sigmoid"')
keras("default slope", r", negative_slope=0\.1", "", "LeakyRelu")
keras("default alpha", r", alpha=0\.7", "", "Elu")
keras("factor of LRN forgotten", r", bias=2\.0", "")
keras("alpha of LRN divided", r"alpha=0\.6", "alpha=0.2")
keras("slope on both sides", r"ops\.where\(x < 0, (.*), x\)", r"\1", "PRelu")
keras(
    "padding counted",
    r"average_pool\(x, 3, 2, \(\(1, 0\), \(0, 1\)\)\)",
    "average_pool(x, 3, 2, ((0, 1), (0, 1)))",
    "AveragePool",
)
keras(
    "channels first flattened",
    r'layers\.Flatten\(name="flatten"\)\(x\)',
    "layers.Flatten()(ops.transpose(x, (0, 3, 1, 2)))",
    "Flatten",
)
keras("axis of a concatenation", r"axis=-1\)", "axis=1)")
keras("rotation the other way", r"\[-second, first\]", "[second, -first]")
keras("axes of a transpose", r"\(0, 2, 1, 3\)\)\n    x = layers\.Reshape", "(0, 1, 2, 3))\n    x = layers.Reshape")
keras(
    "states of another layer",
    r"RMSNormalization\(epsilon=1e-05, name=\"norm2\"\)\(residual1\)",
    'RMSNormalization(epsilon=1e-05, name="norm2")(inputs)',
    "RMSNormalization",
)
keras("heads and their size", r"layers\.MultiHeadAttention\((\d+), (\d+)", r"layers.MultiHeadAttention(\2, \1")
keras("queries for values", r"(layers\.MultiHeadAttention\(.*\))\((\w+), (\w+)", r"\1(\2, \2")
keras("windows side by side", r"    x = ops\.transpose\(x, \(0, 1, 3, 2, 4, 5\)\)\n", "")
keras("shift of windows the other way", r"\(-2, -2\)", "(2, 2)")
keras(
    "bilinear for nearest",
    r"UpSampling2D\(((?:\([^()]*\)|(?!interpolation)[^()])*), name",
    r'UpSampling2D(\1, interpolation="bilinear", name',
)
keras("nearest for bilinear", r'interpolation="bilinear"', 'interpolation="nearest"')
keras("antialias forgotten", r", antialias=1", "")
keras("float16 policy", r"def load_model\(\):\n", 'def load_model():\n    keras.config.set_dtype_policy("mixed_float16")\n')
keras("weights not loaded", r"\n    model\.load_weights\(.*\)", "")
keras("results exchanged", r"\[features, (\w+)\]", r"[\1, features]")
