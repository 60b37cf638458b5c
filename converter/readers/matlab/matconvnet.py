"""Networks of MatConvNet: the structs of SimpleNN and of DagNN, in the form of a layer table.

Sources: MatConvNet's manual and the comments of its functions (``vl_nnconv``, ``vl_nnconvt``, ``vl_nnpool``, ``vl_nnbnorm``,
``vl_nnnormalize``, ``vl_simplenn_tidy``). Arrays lie as MATLAB's do; where a convention differs from the toolbox's, the
properties below are the toolbox's after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from converter.errors import Problem, ReadError
from converter.graph import Value, shortest
from converter.readers.matlab.layers import layer
from converter.readers.matlab.properties import Properties, is_empty, sizes
from converter.readers.matlab.site import Site
from converter.readers.matlab.table import BUILT_IN, LayerRecord, LayerTable, Port, Problems

_INPUT = "matconvnet.Input"
_TOP_LEVEL = ("layers", "params", "vars", "meta", "normalization", "classes")


def spread(contents: Mapping[str, Any]) -> dict[str, Any]:
    """A network that is spread over the variables of a file (``save -struct``), by the name of one of them."""
    net = {name: contents[name] for name in _TOP_LEVEL if name in contents}
    return {"layers": net} if is_network(net) else {}


def is_network(value: Any) -> bool:
    layers = _structs(value.get("layers")) if isinstance(value, dict) else []
    return bool(layers) and all(isinstance(item.get("type"), str) for item in layers)


def _structs(value: Any) -> list[dict[str, Any]]:
    """A cell array of structs or a struct array, empty for anything else."""
    items = value.flatten(order="F").tolist() if isinstance(value, np.ndarray) and value.dtype == object else value
    items = [items] if isinstance(items, dict) else items
    return items if isinstance(items, list) and all(isinstance(item, dict) for item in items) else []


def parse(net: dict[str, Any]) -> LayerTable:
    """The network as a layer table. Raises ReadError with every problem found."""
    return _Parser(net).table()


class _Parser:
    """One network on its way: each layer is a property table of the block, its weights and what it reads."""

    def __init__(self, net: dict[str, Any]):
        self.net = net
        self.problems = Problems()
        self.records: list[LayerRecord] = []
        self.notes: list[str] = []
        self.names: set[str] = set()

    def table(self) -> LayerTable:
        layers = _structs(self.net["layers"])
        pairs = self._dag(layers) if "params" in self.net or any("block" in item for item in layers) else self._chain(layers)
        self.problems.raise_any()
        meta = self.net.get("meta") if isinstance(self.net.get("meta"), dict) else {}
        self.notes += _preprocessing(meta.get("normalization", self.net.get("normalization")))
        classes = _class_names(meta.get("classes", self.net.get("classes")))
        return LayerTable("", "MatConvNet", tuple(self.records), pairs, notes=tuple(self.notes), classes=classes)

    def _chain(self, layers: list[dict[str, Any]]) -> tuple[tuple[Port, Port], ...]:
        """SimpleNN: each layer reads the one before it."""
        self._add_input("image", [_weights(item) for item in layers])
        for item in layers:
            p = Properties(item, f"layer {len(self.records)} '{_name(item) or item['type']}' ({item['type']})")
            with self.problems:
                self._add(p, item["type"], _weights(item))
        return tuple(itertools.pairwise(Port(record.name) for record in self.records))

    def _dag(self, layers: list[dict[str, Any]]) -> tuple[tuple[Port, Port], ...]:
        """DagNN: layers read and write named variables."""
        parameters = {_name(item): item.get("value") for item in _structs(self.net.get("params"))}
        ports = [(_texts(item.get("inputs")), _texts(item.get("outputs"))) for item in layers]
        kept = [(item, *ends) for item, ends in zip(layers, ports, strict=True) if not self._is_loss(item["type"], item)]
        written = {name for _, _, outputs in kept for name in outputs}
        made: dict[str, Port] = {}
        for name in dict.fromkeys(name for _, inputs, _ in kept for name in inputs if name not in written):
            readers = [_parameters(item, parameters) for item, inputs, _ in kept if name in inputs]
            made[name] = Port(self._add_input(name, readers))
        rows = []
        for item, inputs, outputs in kept:
            block = item.get("block") if isinstance(item.get("block"), dict) else {}
            p = Properties(block, f"layer {len(self.records) + 1} '{_name(item)}' ({item['type']})")
            with self.problems:
                arrays = _parameters(item, parameters)
                if any(array is None for array in arrays):
                    p.fail("params", "names of parameters of the network")
                record = self._add(p, item["type"].removeprefix("dagnn."), arrays, _name(item), len(inputs))
                rows.append((record, inputs))
                made |= {name: Port(record, "" if index == 0 else f"out{index + 1}") for index, name in enumerate(outputs)}
        return tuple(
            (made[name], Port(record, f"in{index}"))
            for record, inputs in rows
            for index, name in enumerate(inputs, 1)
            if name in made
        )

    def _is_loss(self, kind: str, item: dict[str, Any]) -> bool:
        """Whether the layer serves training only."""
        if not kind.lower().endswith(("loss", "error")):
            return False
        self.notes.append(f"'{_name(item) or kind}' ({kind}) serves training: the output is what it reads.")
        return True

    def _add_input(self, name: str, weights: list[list[Any]]) -> str:
        """The input: as large as meta.normalization says, otherwise open; its channels are those of the first filters."""
        meta = self.net.get("meta") if isinstance(self.net.get("meta"), dict) else {}
        normalization = meta.get("normalization", self.net.get("normalization"))
        size = normalization.get("imageSize") if isinstance(normalization, dict) else None
        flat = [int(number) for number in np.ravel(size)] if isinstance(size, np.ndarray) and size.size >= 3 else []
        filters = next((arrays[0] for arrays in weights if arrays and isinstance(arrays[0], np.ndarray)), None)
        channels = flat[2] if flat else _four(filters)[2] if filters is not None else None
        if channels is None:
            self.problems.add("its size is not known: there is no meta.normalization.imageSize.", f"input '{name}'")
        values = {"NumChannels": _row(channels or 1)} | ({"InputSize": _row(*flat[:2])} if flat else {})
        return self._record(name, _INPUT, values)

    def _add(self, p: Properties, kind: str, weights: list[Any], name: str = "", count: int = 1) -> str:
        """The record of one block; of a type that is not known, nothing but its name. Gives the name of the record."""
        name = name or _name(p.values) or f"layer_{len(self.records)}"
        if self._is_loss(kind, p.values):
            return self.records[-1].name
        block = _BLOCKS.get(kind.lower())
        if block is None:
            return self._record(name, f"matconvnet.{kind}", {"NumInputs": _row(count)})
        class_name, values = block(p, weights, count)
        return self._record(name, class_name if "." in class_name else BUILT_IN + class_name, values)

    def _record(self, name: str, class_name: str, values: dict[str, Any]) -> str:
        unique = next(
            text for text in itertools.chain([name], (f"{name}_{n}" for n in itertools.count(2))) if text not in self.names
        )
        self.names.add(unique)
        number = len(self.records) + 1
        where = f"layer {number} '{unique}' ({class_name.rpartition('.')[2]})"
        self.records.append(LayerRecord(number, unique, class_name, Properties(values, where)))
        return unique


def _name(item: dict[str, Any]) -> str:
    return name if isinstance(name := item.get("name"), str) else ""


def _weights(item: dict[str, Any]) -> list[Any]:
    """Filters, biases and moments of a SimpleNN layer; old files have no ``weights``, but ``filters`` and ``biases``."""
    if "weights" not in item:
        return [item[name] for name in ("filters", "biases") if name in item]
    weights = item["weights"]
    return list(weights.flatten(order="F")) if isinstance(weights, np.ndarray) and weights.dtype == object else []


def _parameters(item: dict[str, Any], parameters: Mapping[str, Any]) -> list[Any]:
    return [parameters.get(name) for name in _texts(item.get("params"))]


def _texts(value: Any) -> list[str]:
    items = value.flatten(order="F").tolist() if isinstance(value, np.ndarray) and value.dtype == object else value
    items = [items] if isinstance(items, str) and items else items
    return [item for item in items if isinstance(item, str)] if isinstance(items, list) else []


def _preprocessing(normalization: Any) -> list[str]:
    """What meta.normalization says a caller does before; MatConvNet leaves it to the caller, and so does the model."""
    if not isinstance(normalization, dict):
        return []
    mean, size = normalization.get("averageImage"), normalization.get("imageSize")
    shape = sizes([int(number) for number in np.ravel(size)[:3]]) if isinstance(size, np.ndarray) and size.size else "its"
    text = f"Images are given as MatConvNet takes them: resized to {shape}, single, 0 to 255, RGB"
    if is_empty(mean) or not isinstance(mean, np.ndarray):
        return [f"{text}."]
    mean = mean.reshape(-1) if mean.size <= 3 else mean
    told = f"({', '.join(f'{number:g}' for number in mean)})" if mean.size <= 3 else f"of {sizes(mean.shape)}"
    return [f"{text}, less meta.normalization.averageImage {told}: subtract it before."]


def _class_names(classes: Any) -> tuple[str, ...]:
    return tuple(_texts(classes.get("description", classes.get("name")))) if isinstance(classes, dict) else ()


# Blocks ---------------------------------------------------------------------------------------------------------------------

Block = Callable[[Properties, list[Any], int], tuple[str, dict[str, Any]]]
"""Options, weights and the number of inputs of a block; its class in the toolbox, and its properties there."""


def _row(*numbers: float) -> np.ndarray:
    return np.array([numbers], float)


def _four(array: np.ndarray) -> tuple[int, ...]:
    """The shape of filters, whose last axes of size 1 MATLAB does not keep."""
    return (*array.shape, 1, 1)[:4]


def _filters(p: Properties, weights: list[Any]) -> np.ndarray:
    if not weights or not isinstance(weights[0], np.ndarray) or weights[0].dtype.kind != "f" or not weights[0].size:
        raise ReadError(Problem("holds no filters.", p.where))
    return weights[0]


def _bias(weights: list[Any]) -> dict[str, Any]:
    return {"Bias": weights[1]} if len(weights) > 1 and not is_empty(weights[1]) else {}


def _window(p: Properties, word: str = "Padding", sides: str = "pad", stride: str = "stride") -> dict[str, Any]:
    """[top bottom left right] and [y x], each perhaps one number for all."""
    return {
        "Stride": _row(*p.integers(stride, 2, (1, 1))),
        f"{word}Size": _row(*p.integers(sides, 4, (0, 0, 0, 0), least=0)),
        f"{word}Mode": "manual",
    }


def _conv(p: Properties, weights: list[Any], count: int) -> tuple[str, dict[str, Any]]:
    """Filters [FH FW FC K]: FC less than the channels that arrive means groups, as in the toolbox's old layers."""
    filters = _filters(p, weights)
    height, width, channels, number = _four(filters)
    return "Convolution2DLayer", {
        "FilterSize": _row(height, width), "NumChannels": _row(channels), "NumFilters": _row(number), "Weights": filters,
        "DilationFactor": _row(*p.integers("dilate", 2, (1, 1))), **_window(p), **_bias(weights),
    }  # fmt: skip


def _convt(p: Properties, weights: list[Any], count: int) -> tuple[str, dict[str, Any]]:
    """Filters [FH FW K FD]: with groups, K filters for each."""
    filters = _filters(p, weights)
    height, width, each, channels = _four(filters)
    groups = p.integer("numGroups", 1)
    return "TransposedConvolution2DLayer", {
        "FilterSize": _row(height, width), "NumChannels": _row(channels), "NumFilters": _row(each * groups),
        "NumGroups": _row(groups), "Weights": filters, **_window(p, "Cropping", "crop", "upsample"), **_bias(weights),
    }  # fmt: skip


def _pool(p: Properties, weights: list[Any], count: int) -> tuple[str, dict[str, Any]]:
    """Windows are clipped to the image: padding never wins and never counts."""
    method = p.choice("method", "max", "avg", default="max")
    size = p.integers("poolSize" if "poolSize" in p else "pool", 2)
    values = {"PoolSize": _row(*size), **_window(p)}
    return ("MaxPooling2DLayer", values) if method == "max" else ("AveragePooling2DLayer", values | {"PaddingValue": "mean"})


def _lrn(p: Properties, weights: list[Any], count: int) -> tuple[str, dict[str, Any]]:
    """param = [N kappa alpha beta]: alpha stands for one channel, the toolbox's is divided by the window."""
    window, kappa, alpha, beta = p.numbers("param", 4, (5, 1, 1e-4 / 5, 0.75))
    return "CrossChannelNormalizationLayer", {
        "WindowChannelSize": _row(window), "K": _row(kappa), "Alpha": _row(shortest(alpha * window)), "Beta": _row(beta),
    }  # fmt: skip


def _bnorm(p: Properties, weights: list[Any], count: int) -> tuple[str, dict[str, Any]]:
    """Multipliers, biases and moments [mu sigma] with sigma = sqrt(variance + epsilon)."""
    if len(weights) < 3 or any(is_empty(array) for array in weights[:3]):
        raise ReadError(Problem("holds no moments: it would normalise by the batch it is given.", p.where))
    scale, offset, moments = (np.asarray(array) for array in weights[:3])
    if moments.shape != (scale.size, 2):
        p.values = {**p.values, "moments": moments}
        p.fail("moments", f"{scale.size}×2")
    epsilon = p.number("epsilon", 1e-5)
    mean, sigma = moments.astype(np.float64).T
    return "BatchNormalizationLayer", {
        "NumChannels": _row(scale.size), "Epsilon": _row(epsilon), "Scale": scale, "Offset": offset,
        "TrainedMean": mean.astype(np.float32), "TrainedVariance": (sigma**2 - epsilon).astype(np.float32),
    }  # fmt: skip


def _relu(p: Properties, weights: list[Any], count: int) -> tuple[str, dict[str, Any]]:
    leak = p.number("leak", 0)
    return ("LeakyReLULayer", {"Scale": _row(leak)}) if leak else ("ReLULayer", {})


def _concat(p: Properties, weights: list[Any], count: int) -> tuple[str, dict[str, Any]]:
    return "ConcatenationLayer", {"NumInputs": _row(count), "Dim": _row(p.integer("dim", 3))}


def _scale(p: Properties, weights: list[Any], count: int) -> tuple[str, dict[str, Any]]:
    arrays = dict(zip(("Scale", "Offset")[count - 1 :], weights, strict=False))  # further inputs stand before the weights
    return "matconvnet.Scale", {"NumInputs": _row(count), "HasBias": _row(p.flag("hasBias", True)), **arrays}


_BLOCKS: dict[str, Block] = {
    "conv": _conv,
    "convt": _convt,
    "convtranspose": _convt,
    "pool": _pool,
    "pooling": _pool,
    "normalize": _lrn,
    "lrn": _lrn,
    "bnorm": _bnorm,
    "batchnorm": _bnorm,
    "relu": _relu,
    "sigmoid": lambda p, weights, count: ("SigmoidLayer", {}),
    "softmax": lambda p, weights, count: ("SoftmaxLayer", {}),
    "dropout": lambda p, weights, count: ("DropoutLayer", {"Probability": _row(p.number("rate", 0.5))}),
    "sum": lambda p, weights, count: ("AdditionLayer", {"NumInputs": _row(count)}),
    "concat": _concat,
    "scale": _scale,
    "crop": lambda p, weights, count: ("matconvnet.Crop", {"Location": _row(*p.numbers("crop", 2, (0, 0)))}),
}
"""By the type of a SimpleNN layer, or the class of a DagNN block without its package, in lower case."""


@layer(_INPUT, "Image Input", lambda p: f"{p.integer('NumChannels')} channels", inputs=0)
def image_input(n: Site) -> Value:
    """Height and width are open where the network does not say them."""
    n.inputs = [n.input((n.properties.integer("NumChannels"), *n.properties.integers("InputSize", 2, ("height", "width"))))]
    return n.x


@layer("matconvnet.Scale", "Scale", "Scale and offset", inputs=None)
def scale(n: Site) -> Value:
    """x * a + b, where a and b are inputs or weights."""
    channels, (x, *rest) = n.channels(2), n.inputs
    factors = [
        *rest,
        *(n.vector(name, channels).reshape(channels, 1, 1) for name in ("Scale", "Offset") if name in n.properties),
    ]
    has_bias = n.properties.flag("HasBias")
    if len(factors) != 1 + has_bias:
        n.fail(f"has {len(factors)} factors and offsets; expected {1 + has_bias}.")
    x = n.add("Mul", [x, factors[0]], part="scaled" if has_bias else "")
    return n.add("Add", [x, factors[1]]) if has_bias else x


@layer("matconvnet.Crop", "Crop", "Crop to the size of the second input", inputs=2)
def crop(n: Site) -> Value:
    """The first input, from Location on, in the size of the second."""
    (_, *own), (_, *wanted) = (n.known(value)[1:] for value in n.inputs)
    rows = zip(own, wanted, n.properties.integers("Location", 2, least=0), strict=True)
    starts = [min(start, size - target) for size, target, start in rows]
    if min(starts) < 0:
        n.fail(f"is to crop {sizes(own)} to {sizes(wanted)}.")
    ends = [start + target for start, target in zip(starts, wanted, strict=True)]
    limits = [Value.constant(np.array(row, np.int64), f"{n.name}_{part}") for row, part in ((starts, "start"), (ends, "end"))]
    return n.add("Slice", [n.x, *limits, Value.constant(np.array([2, 3], np.int64), f"{n.name}_axes")])
