"""The words of each layer in MATLAB's listing, and the properties they tell.

The words have changed (R2016 to R2025: ``Convolution`` and ``2-D Convolution``, ``5x5x48`` and ``5×5×48``, padding of two and
of four numbers), so each form takes all of them. ``specs/matlab.md`` says which were seen in published lists and which rest on
memory. A layer without properties is known by the words of its room.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from converter.readers.matlab.layers import ROOMS
from converter.readers.matlab.layers.refused import REASONS
from converter.readers.matlab.properties import Properties
from converter.readers.matlab.table import BUILT_IN

_SIZES = r"(?P<sizes>\d+(?:×\d+)*)"
_COUNT = r"(?P<count>\d+)"
_NUMBER = r"(?P<number>\d+(?:\.\d*)?(?:e[-+]?\d+)?)"
_NORMALIZATION = r"(?: with '(?P<mode>[\w-]+)' normalization)?(?:(?: with| and) '\w+' augmentations?)?"
_WINDOW = r"with (?P<options>.+)"
_ANYTHING = r".+"
_CHANNELS = r"(?: with (?P<count>\d+) channels?)?"
_OPTION = re.compile(r"(?:, and |, | and |^)(stride|dilation factor|padding|cropping) (?:\[([\d; ]+)\]|(\d+)|'(\w+)')")


class UnreadableError(Exception):
    """A line has the words of its form, but not what they need."""


@dataclass(frozen=True)
class Form:
    """One kind of line. ``type`` and ``words`` are patterns for its two columns, joined by one blank.

    ``properties`` is what the line says; several ranks share a form and add ``Class``, the class without the package.
    ``unsaid`` is what no line shows, with MATLAB's default; ``assumed`` what else is taken, in words.
    """

    type: str
    words: str
    class_name: str = ""
    properties: Callable[[re.Match[str]], dict[str, Any]] = lambda found: {}
    unsaid: dict[str, float | str] = field(default_factory=dict)
    assumed: str = ""


@dataclass(frozen=True)
class Reading:
    """What a line says: the class, its properties, and the form that tells what it leaves open."""

    class_name: str
    properties: dict[str, Any]
    form: Form


def normalized(text: str) -> str:
    return re.sub(r"(?<!\.)\.$", "", re.sub(r"(?<=\d) ?[xX×] ?(?=\d)", "×", text)).replace('"', "'")


def known(text: str) -> bool:
    """Whether a text is the type and the words of a layer, neither less nor more."""
    try:
        found = reading(text)
    except UnreadableError:
        return False
    return found is not None and found.form.words != _ANYTHING


def typed(text: str) -> bool:
    """Whether a text begins with a type whose words are known."""
    return any(re.match(f"(?:{form.type})(?: |$)", normalized(text), re.IGNORECASE) for form in FORMS)


def reading(text: str) -> Reading | None:
    """What a text says, None where it is not known. Raises UnreadableError."""
    if found := _form(text):
        form, match = found
        values = form.properties(match)
        name = values.pop("Class", "") or form.class_name
        return Reading(name if "." in name else BUILT_IN + name, values, form)
    if class_name := _bare(normalized(text)):
        return Reading(class_name, {}, _NOTHING)
    return None


def refused_class(kind: str) -> str | None:
    """The class of a type that is known and not translated: 'Sequence Folding' is SequenceFoldingLayer."""
    return _REFUSED.get(_squeezed(kind))


def _form(text: str) -> tuple[Form, re.Match[str]] | None:
    text = normalized(text)
    for form in FORMS:
        if match := re.fullmatch(f"(?:{form.type}) (?:{form.words})", text, re.IGNORECASE):
            return form, match
    return None


@cache
def _bare_words() -> dict[str, str]:
    """The rooms of the layers that have no property, by type and words."""
    none = Properties({}, "")
    return {f"{ROOMS[name].type} {ROOMS[name].describe(none)}".casefold(): name for name in _BARE}


def _bare(text: str) -> str | None:
    return _bare_words().get(text.casefold())


def _squeezed(name: str) -> str:
    return re.sub(r"[\W_]|layer$", "", name.removeprefix(BUILT_IN).casefold().rstrip(" ."))


_BARE = [
    *(
        BUILT_IN + name
        for name in ("ReLULayer", "SoftplusLayer", "SwishLayer", "SoftmaxLayer", "FlattenLayer", "IdentityLayer")
    ),
    *(BUILT_IN + name for name in ("SequenceFoldingLayer", "SequenceUnfoldingLayer")),
    "nnet.keras.layer.FlattenCStyleLayer",
]
_REFUSED = {_squeezed(name): name for name in REASONS}
_NOTHING = Form("", "")


# What the words mean --------------------------------------------------------------------------------------------------------


def _sizes(found: re.Match[str]) -> list[int]:
    return [int(size) for size in found["sizes"].split("×")]


def _options(found: re.Match[str]) -> dict[str, list[list[int]] | str]:
    """The options after "with": stride, dilation factor, padding or cropping, each rows of numbers or a word."""
    text, options, end = found["options"], dict[str, list[list[int]] | str](), 0
    while match := _OPTION.match(text, end):
        name, rows, number, word = match.groups()
        options[name.lower()] = word or [[int(item) for item in row.split()] for row in (rows or number).split(";")]
        end = match.end()
    if end < len(text):
        raise UnreadableError(f"'{text[end:].strip(' ,')}' has no known meaning")
    return options


def _window(found: re.Match[str], word: str) -> dict[str, Any]:
    """Stride, sides and, where it is shown, dilation; the length of the stride is the number of spatial axes.

    Two numbers for two axes are the rows and columns on both sides, as R2016 and R2017 print them.
    """
    options = _options(found)
    stride, sides, dilation = options.get("stride"), options.get(word.lower()), options.get("dilation factor")
    if not isinstance(stride, list) or sides is None:
        raise UnreadableError(f"there is no {'stride' if not isinstance(stride, list) else word.lower()}")
    rank = len(stride[0])
    window: dict[str, Any] = {"Stride": stride[0]}
    if dilation is not None:
        if len(dilation) != 1 or len(dilation[0]) != rank or isinstance(dilation, str):
            raise UnreadableError(f"its dilation factor does not fit a stride of {rank}")
        window["DilationFactor"] = dilation[0]
    if isinstance(sides, str):
        return window | {f"{word}Mode": sides, f"{word}Size": [0] * 2 * rank}
    flat = [number for row in sides for number in row]
    if rank == 2 and len(flat) == 2:
        sides = [[flat[0], flat[0], flat[1], flat[1]]]
    elif len(flat) == 1:
        sides = [flat * rank] * 2 if rank == 3 else [flat * 2 * rank]
    elif len(flat) != 2 * rank or (rank == 3 and len(sides) != 2):
        raise UnreadableError(f"{word.lower()} of {len(flat)} numbers does not fit a stride of {rank}")
    return window | {f"{word}Mode": "manual", f"{word}Size": sides}


def _filters(found: re.Match[str], kind: str, word: str, channels: str, filters: str) -> dict[str, Any]:
    """Filter size, with the channels where the network is trained: 5×5×48."""
    window = _window(found, word)
    rank = len(window["Stride"])
    size = _sizes(found)
    if len(size) not in (rank, rank + 1):
        raise UnreadableError(f"{len(size)} sizes do not fit a stride of {rank}")
    return {
        "Class": f"{kind}{rank}DLayer",
        "FilterSize": size[:rank],
        channels: size[rank] if len(size) > rank else "auto",
        filters: int(found["count"]),
    } | window  # fmt: skip


def _convolution(found: re.Match[str]) -> dict[str, Any]:
    """Only releases that print no rank hid groups, and two at most: later ones print them apart."""
    groups = [1] if found["rank"] else [1, 2]
    return _filters(found, "Convolution", "Padding", "NumChannels", "NumFilters") | {"NumGroups": groups}


def _grouped(found: re.Match[str]) -> dict[str, Any]:
    properties = _filters(found, "GroupedConvolution", "Padding", "NumChannelsPerGroup", "NumFiltersPerGroup")
    return properties | {"NumGroups": int(found["groups"])}


def _transposed(found: re.Match[str]) -> dict[str, Any]:
    return _filters(found, "TransposedConvolution", "Cropping", "NumChannels", "NumFilters")


def _pooling(kind: str) -> Callable[[re.Match[str]], dict[str, Any]]:
    def properties(found: re.Match[str]) -> dict[str, Any]:
        window, size = _window(found, "Padding"), _sizes(found)
        if "DilationFactor" in window:
            raise UnreadableError("pooling has no dilation")
        if len(size) != len(window["Stride"]):
            raise UnreadableError(f"{len(size)} sizes do not fit a stride of {len(window['Stride'])}")
        return {"Class": f"{kind}Pooling{len(size)}DLayer", "PoolSize": size} | window

    return properties


def _input(found: re.Match[str]) -> dict[str, Any]:
    size = _sizes(found)
    properties = {"InputSize": size, "Normalization": found["mode"] or "none"}
    return properties | ({"Class": "Image3DInputLayer"} if len(size) == 4 else {})


def _sequence(found: re.Match[str]) -> dict[str, Any]:
    """Most releases do not print the normalization of sequences, so that its absence says nothing."""
    return {"InputSize": _sizes(found)} | ({"Normalization": found["mode"]} if found["mode"] else {})


def _global(found: re.Match[str]) -> dict[str, Any]:
    kind = {"average": "Average", "max": "Max"}[found["kind"].lower()]
    return {"Class": f"Global{kind}Pooling{found['rank'] or 2}DLayer"}


def _counted(name: str) -> Callable[[re.Match[str]], dict[str, Any]]:
    return lambda found: {name: int(found["count"])}


def _measured(name: str) -> Callable[[re.Match[str]], dict[str, Any]]:
    return lambda found: {name: float(found["number"])}


def _channels(found: re.Match[str]) -> dict[str, Any]:
    return {"NumChannels": int(found["count"]) if found["count"] else "auto"}


def _classes(found: re.Match[str]) -> dict[str, Any]:
    """The class names, where the line shows all of them."""
    text = found["names"] or ""
    names = re.findall(r"'([^']*)'", text)
    return {"Classes": np.array([names], object)} if names and "other" not in text else {}


_RECURRENT = {"OutputMode": "sequence", "StateActivationFunction": "tanh", "GateActivationFunction": "sigmoid"}
_PER_CHANNEL = {"NormalizationDimension": "channel"}
_FILL = {"DilationFactor": 1, "PaddingValue": 0}
_LISTED = r"(?:class(?:es)? )?'[^']*'(?:(?:,|,? and) '[^']*')*(?:,? and \d+ other classes)?"
_NAMES = rf"(?:crossentropyex|cross-entropy loss)(?: with (?P<names>{_LISTED}))?"

FORMS = [
    Form(r"(?:2-D |3-D )?Image Input", rf"{_SIZES} images{_NORMALIZATION}", "ImageInputLayer", _input, _PER_CHANNEL),
    Form(r"Feature Input", rf"{_SIZES} features?{_NORMALIZATION}", "FeatureInputLayer", _input, _PER_CHANNEL),
    Form(r"Sequence Input", rf"Sequence input with {_SIZES} dimensions?{_NORMALIZATION}", "SequenceInputLayer", _sequence,
         {"Normalization": "none"} | _PER_CHANNEL),
    Form(r"(?:(?P<rank>[123])-D )?Convolution", rf"{_COUNT} {_SIZES} convolutions {_WINDOW}", "", _convolution, _FILL),
    Form(r"(?:[12]-D )?Grouped Convolution", rf"(?P<groups>\d+) groups of {_COUNT} {_SIZES} convolutions {_WINDOW}", "",
         _grouped, _FILL),
    Form(r"(?:[123]-D )?Transposed Convolution", rf"{_COUNT} {_SIZES} transposed convolutions {_WINDOW}", "", _transposed),
    Form(r"(?:[123]-D )?Max Pooling", rf"{_SIZES} max pooling {_WINDOW}", "", _pooling("Max")),
    Form(r"(?:[123]-D )?Average Pooling", rf"{_SIZES} average pooling {_WINDOW}", "", _pooling("Average"),
         {"PaddingValue": 0}),
    Form(r"(?:[123]-D )?Global (?:Average|Max) Pooling", r"(?:(?P<rank>[123])-D )?Global (?P<kind>average|max) pooling", "",
         _global),
    Form(r"(?:2-D )?Max Unpooling", r"(?:2-D )?Max Unpooling", "MaxUnpooling2DLayer", lambda found: {"NumInputs": 3}),
    Form(r"Crop 2D", r"upper-left corner of cropping rectangle at \[(?P<column>\d+) (?P<row>\d+)\]", "Crop2DLayer",
         lambda found: {"NumInputs": 2, "Mode": "custom", "Location": [int(found["column"]), int(found["row"])]}),
    Form(r"Crop 2D", r"center crop", "Crop2DLayer", lambda found: {"NumInputs": 2, "Mode": "centercrop"}),
    Form(r"Cross Channel Normalization", rf"cross channel normalization with {_COUNT} channels per element",
         "CrossChannelNormalizationLayer", _counted("WindowChannelSize"), {"Alpha": 1e-4, "Beta": 0.75, "K": 2}),
    Form(r"Batch Normalization", rf"Batch normalization{_CHANNELS}", "BatchNormalizationLayer", _channels, {"Epsilon": 1e-5}),
    Form(r"Instance Normalization", rf"Instance normalization{_CHANNELS}", "InstanceNormalizationLayer", _channels,
         {"Epsilon": 1e-5}),
    Form(r"Layer Normalization", rf"Layer normalization{_CHANNELS}", "LayerNormalizationLayer", _channels,
         {"Epsilon": 1e-5, "OperationDimension": "auto"}),
    Form(r"PReLU", rf"PReLU{_CHANNELS}", "PReLULayer", assumed="its Alpha is taken as one number for each channel"),
    Form(r"Leaky ReLU", rf"Leaky ReLU with scale {_NUMBER}", "LeakyReLULayer", _measured("Scale")),
    Form(r"Clipped ReLU", rf"Clipped ReLU with ceiling {_NUMBER}", "ClippedReLULayer", _measured("Ceiling")),
    Form(r"ELU", rf"ELU with Alpha {_NUMBER}", "ELULayer", _measured("Alpha")),
    Form(r"GELU", r"GELU", "GELULayer", unsaid={"Approximation": "none"}),
    Form(r"Tanh|Hyperbolic tangent", r"Tanh|Hyperbolic tangent", "TanhLayer"),
    Form(r"Sigmoid", r"Sigmoid(?: activation function)?", "SigmoidLayer"),
    Form(r"Fully Connected", rf"{_COUNT} fully connected layer", "FullyConnectedLayer", _counted("OutputSize")),
    Form(r"Dropout", rf"{_NUMBER}% dropout", "DropoutLayer", lambda found: {"Probability": float(found["number"]) / 100}),
    Form(r"Spatial Dropout", rf"{_NUMBER}% spatial dropout", "SpatialDropoutLayer",
         lambda found: {"Probability": float(found["number"]) / 100}),
    Form(r"LSTM", rf"LSTM with {_COUNT} hidden units?", "LSTMLayer", _counted("NumHiddenUnits"), _RECURRENT),
    Form(r"BiLSTM", rf"BiLSTM with {_COUNT} hidden units?", "BiLSTMLayer", _counted("NumHiddenUnits"), _RECURRENT),
    Form(r"GRU", rf"GRU with {_COUNT} hidden units?", "GRULayer", _counted("NumHiddenUnits"),
         _RECURRENT | {"ResetGateMode": "after-multiplication"}),
    Form(r"Addition", rf"Element-wise addition of {_COUNT} inputs", "AdditionLayer", _counted("NumInputs")),
    Form(r"Multiplication", rf"Element-wise multiplication of {_COUNT} inputs", "MultiplicationLayer", _counted("NumInputs")),
    Form(r"Depth concatenation", rf"Depth concatenation of {_COUNT} inputs", "DepthConcatenationLayer", _counted("NumInputs")),
    Form(r"Concatenation", rf"Concatenation of {_COUNT} inputs along dimension (?P<dimension>\d+)", "ConcatenationLayer",
         lambda found: {"NumInputs": int(found["count"]), "Dim": int(found["dimension"])}),
    Form(r"YOLO v2 Transform Layer\.?", rf"YOLO v2 Transform Layer with {_COUNT} anchors?", "YOLOv2TransformLayer",
         _counted("NumAnchorBoxes")),
    Form(r"Classification Output", rf"(?:class weighted )?{_NAMES}", "ClassificationOutputLayer", _classes),
    Form(r"(?:Dice )?Pixel Classification(?: Output)?(?: Layer)?", rf"(?:class weighted )?{_NAMES}", "PixelClassificationLayer",
         _classes),
    # A loss of whatever words computes nothing at inference.
    Form(r"(?:RPN )?Classification Output|Focal Loss (?:Layer|Output)", _ANYTHING, "ClassificationOutputLayer"),
    Form(r"(?:Dice )?Pixel Classification(?: Output)?(?: Layer)?", _ANYTHING, "PixelClassificationLayer"),
    Form(r"(?:Box )?Regression Output", _ANYTHING, "RegressionOutputLayer"),
    Form(r"YOLO v2 Output\.?", _ANYTHING, "YOLOv2OutputLayer"),
]  # fmt: skip
"""In this order: the first that fits."""
