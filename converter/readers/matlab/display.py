"""The printed layer array: what MATLAB shows for ``net.Layers``, pasted into a text file.

Every release prints a line for each layer: number, name in quotes, type and a description. The words have changed (R2016 to
R2022: ``Convolution`` and ``2-D Convolution``, ``5x5x48`` and ``5×5×48``, padding of two and of four numbers), so each form
below takes all of them. What no line shows is MATLAB's documented default, and a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import Problem, ReadError
from converter.readers.matlab.container import EXPORT_ADVICE
from converter.readers.matlab.properties import Properties
from converter.readers.matlab.table import BUILT_IN, LayerRecord, LayerTable, Port, Problems

_MAXIMUM_BYTES = 2**22
"""A listing of a thousand layers has a tenth of a megabyte."""

_LINE = re.compile(r"[\s%#>*/]*(?P<number>\d+)[.):]?\s*(?P<quote>['\"])(?P<name>.*?)(?P=quote)\s+(?P<rest>\S.*)")
_HEADER = re.compile(r"(\d+)\s*[x×]\s*1\s+(?:\S+\s+)?Layer\s+array", re.IGNORECASE)

_SIZES = r"(?P<sizes>\d+(?:×\d+)*)"
_COUNT = r"(?P<count>\d+)"
_NUMBER = r"(?P<number>\d+(?:\.\d*)?(?:e[-+]?\d+)?)"
_NORMALIZATION = r"(?: with '(?P<mode>[\w-]+)' normalization)?"
_WINDOW = r"with (?P<options>.+)"
_OPTION = re.compile(r"(?:, and |, | and |^)(stride|padding|cropping) (?:\[([\d; ]+)\]|(\d+)|'(\w+)')")


class _UnreadableError(Exception):
    """A line has the words of its form, but not what they need."""


@dataclass(frozen=True)
class Form:
    """One kind of line. ``type`` and ``words`` are patterns for its two columns, joined by one blank.

    ``properties`` is what the line says; several ranks share a form and add ``Class``, the class without the package.
    ``unsaid`` is what no line shows, with MATLAB's default.
    """

    type: str
    words: str
    class_name: str = ""
    properties: Callable[[re.Match[str]], dict[str, Any]] = lambda found: {}
    unsaid: dict[str, float | str] = field(default_factory=dict)


def read(path: Path) -> str | None:
    """The text of a file that holds a printed layer array, None for any other file."""
    try:
        with open(path, "rb") as file:
            text = _decoded(file.read(_MAXIMUM_BYTES))
    except OSError:
        return None
    return text if any(_lines(text)) else None


def _decoded(content: bytes) -> str:
    """The text, empty for what is none."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # as Windows' editor saves "Unicode"
        return content.decode("utf-16", "replace")
    if b"\0" in content:
        return ""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _lines(text: str) -> Iterator[re.Match[str]]:
    text = re.sub("[\u2018\u2019]", "'", text).replace("\u00c3\u2014", "×")  # quotes of word processors; × in another encoding
    for line in text.replace("|", "  ").splitlines():  # cells of a Markdown table
        if found := _LINE.fullmatch(line.rstrip()):
            yield found


def parse(text: str) -> LayerTable:
    """The layers of a listing, each reading the one before it. Raises ReadError with every problem found."""
    problems = Problems()
    layers: list[tuple[LayerRecord, Form | None]] = []
    for line in _lines(text):
        with problems:
            layers.append(_layer(line))
    problems.raise_any()
    records = [record for record, _ in layers]
    notes = _completeness(text, records, problems)
    connections = _connections(records, problems)
    problems.raise_any()
    notes.append("A printed list does not show connections: each layer is taken to read the one before it.")
    notes += _fill(layers)
    return LayerTable("", "", tuple(records), connections, notes=tuple(notes))


def _layer(line: re.Match[str]) -> tuple[LayerRecord, Form | None]:
    """One layer. Of a type that none of the forms has, nothing is known but its words."""
    number, name = int(line["number"]), line["name"].strip() or f"layer_{line['number']}"
    kind, _, description = re.sub(r"\s*\t\s*|\s{2,}", "\t", line["rest"].strip()).partition("\t")
    columns = re.sub(r"(?<=\d)[xX](?=\d)", "×", " ".join(line["rest"].split()))
    where = f"layer {number} '{name}' ({kind})"
    for form in _FORMS:
        if found := re.fullmatch(f"(?:{form.type}) (?:{form.words})", columns, re.IGNORECASE):
            try:
                values = form.properties(found)
            except _UnreadableError as error:
                raise ReadError(Problem(f"{error} in '{columns}'.", where)) from None
            class_name = BUILT_IN * ("." not in form.class_name) + (values.pop("Class", "") or form.class_name)
            return LayerRecord(number, name, class_name, Properties(_arrays(values), where)), form
    if any(re.match(f"(?:{form.type})(?: |$)", columns, re.IGNORECASE) for form in _FORMS):
        raise ReadError(Problem(f"its line '{columns}' is none that MATLAB prints.", where, "Paste the whole line."))
    return LayerRecord(number, name, kind, Properties({"Type": kind, "Description": description or kind}, where)), None


def _arrays(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str) else np.atleast_2d(np.asarray(value)) for name, value in values.items()}


# The listing as a whole -----------------------------------------------------------------------------------------------------


def _completeness(text: str, records: list[LayerRecord], problems: Problems) -> list[str]:
    """What of the list is missing: at the end a note, elsewhere a problem."""
    names: dict[str, LayerRecord] = {}
    for record in records:
        first = names.setdefault(record.name, record)
        if first is not record and first.number != record.number:
            problems.add(f"has the name of layer {first.number}.", record.where, "Give every layer its own name.")
    numbers = [record.number for record in records]
    if len(set(numbers)) < len(numbers):
        problems.add("two lines have the same number, as where several lists stand in one file.", advice="Leave one list.")
        return []
    gaps = [(a + 1, b - 1) for a, b in pairwise([0, *sorted(numbers)]) if b - a > 1]
    if gaps:
        missing = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in gaps)
        problems.add(f"layers are missing: {missing}.", advice="Paste the whole list.")
    elif numbers != sorted(numbers):
        problems.add("the lines do not stand in the order of their numbers.", advice="Paste the list as MATLAB prints it.")
    header = _HEADER.search(text)
    if header is None or int(header[1]) <= max(numbers):
        return []
    return [f"The list is cut off: it has layers 1 to {max(numbers)} of {header[1]}, and so has the model."]


def _connections(records: list[LayerRecord], problems: Problems) -> tuple[tuple[Port, Port], ...]:
    """Each layer reads the one before it.

    A layer of several inputs can be connected where as many branches end before it, each begun by an input layer of its own.
    Otherwise a branch began somewhere inside, which a list does not show.
    """
    pairs: list[tuple[Port, Port]] = []
    ends: list[str] = []
    joins: list[LayerRecord] = []
    for record in records:
        count = record.properties.integer("NumInputs", 1)
        if _is_input(record):
            ends.append(record.name)
            continue
        if not ends:
            reason = f"the list begins with {record.where}, which is no input layer: the layers before it, and the size of what"
            problems.add(f"{reason} it reads, are missing.", advice="Paste the whole list.")
        if count > 1 and len(ends) != count:
            joins.append(record)
        read = ends[-count:]
        pairs += [(Port(name), Port(record.name, f"in{n}" if count > 1 else "")) for n, name in enumerate(read, 1)]
        ends = [*ends[: len(ends) - len(read)], record.name]
    if joins:
        shown = ", ".join(f"'{join.name}'" for join in joins[:3]) + (f" and {len(joins) - 3} more" if len(joins) > 3 else "")
        reason = f"a printed list does not show what the layers of several inputs read ({shown})."
        problems.add(reason, advice=EXPORT_ADVICE)
    return tuple(pairs)


def _is_input(record: LayerRecord) -> bool:
    return record.class_name.endswith("InputLayer")


def _fill(layers: list[tuple[LayerRecord, Form | None]]) -> list[str]:
    """Give each layer the properties that no line shows, and say which."""
    records = [record for record, _ in layers]
    alexnet = _is_alexnet(records)
    groups: dict[str, list[str]] = {}
    for record, form in layers:
        if form is None or not form.unsaid or record.properties.text("Normalization", "") == "none":
            continue
        unsaid = form.unsaid | {name: value for name, value in _ALEXNET.items() if alexnet and name in form.unsaid}
        record.properties.values.update(_arrays(unsaid))
        words = ", ".join(
            f"{name} {value}" if isinstance(value, str) else f"{name} {value:g}" for name, value in unsaid.items()
        )
        groups.setdefault(words, []).append(record.name)
    notes = []
    for words, names in groups.items():
        shown = ", ".join(f"'{name}'" for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        source = "as MATLAB's alexnet has it" if alexnet and any(f"{name} " in words for name in _ALEXNET) else "the default"
        notes.append(f"The list does not show all of {shown}: taken as {words}, {source}.")
    return notes


_ALEXNET = {"K": 1.0, "NormalizationDimension": "element"}
"""What MATLAB's ``alexnet``, which came from Caffe, has instead of the defaults."""


def _is_alexnet(records: list[LayerRecord]) -> bool:
    """Whether the list begins as that of MATLAB's ``alexnet``."""
    if len(records) < 2:
        return False
    image, conv = records[0].properties, records[1].properties
    return (
        records[1].name == "conv1"
        and image.text("Normalization", "") == "zerocenter"
        and image.integers("InputSize", default=()) == (227, 227, 3)
        and conv.integers("FilterSize", default=()) == (11, 11)
        and conv.integers("NumFilters", default=()) == (96,)
    )


# What the words mean --------------------------------------------------------------------------------------------------------


def _sizes(found: re.Match[str]) -> list[int]:
    return [int(size) for size in found["sizes"].split("×")]


def _options(found: re.Match[str]) -> dict[str, list[list[int]] | str]:
    """The options after "with": stride, padding or cropping, each rows of numbers or a word."""
    text, options, end = found["options"], dict[str, list[list[int]] | str](), 0
    while match := _OPTION.match(text, end):
        name, rows, number, word = match.groups()
        options[name.lower()] = word or [[int(item) for item in row.split()] for row in (rows or number).split(";")]
        end = match.end()
    if end < len(text):
        raise _UnreadableError(f"'{text[end:].strip(' ,')}' has no known meaning")
    return options


def _window(found: re.Match[str], word: str) -> dict[str, Any]:
    """Stride and sides; the length of the stride is the number of spatial axes.

    Two numbers for two axes are the rows and columns on both sides, as R2016 and R2017 print them.
    """
    options = _options(found)
    stride, sides = options.get("stride"), options.get(word.lower())
    if not isinstance(stride, list) or sides is None:
        raise _UnreadableError(f"there is no {'stride' if not isinstance(stride, list) else word.lower()}")
    rank = len(stride[0])
    if isinstance(sides, str):
        return {"Stride": stride[0], f"{word}Mode": sides, f"{word}Size": [0] * 2 * rank}
    flat = [number for row in sides for number in row]
    if rank == 2 and len(flat) == 2:
        sides = [[flat[0], flat[0], flat[1], flat[1]]]
    elif len(flat) == 1:
        sides = [flat * rank] * 2 if rank == 3 else [flat * 2 * rank]
    elif len(flat) != 2 * rank:
        raise _UnreadableError(f"{word.lower()} of {len(flat)} numbers does not fit a stride of {rank}")
    return {"Stride": stride[0], f"{word}Mode": "manual", f"{word}Size": sides}


def _filters(found: re.Match[str], kind: str, word: str, channels: str, filters: str) -> dict[str, Any]:
    """Filter size, with the channels where the network is trained: 5×5×48."""
    window = _window(found, word)
    rank = len(window["Stride"])
    size = _sizes(found)
    if len(size) not in (rank, rank + 1):
        raise _UnreadableError(f"{len(size)} sizes do not fit a stride of {rank}")
    return {
        "Class": f"{kind}{rank}DLayer",
        "FilterSize": size[:rank],
        channels: size[rank] if len(size) > rank else "auto",
        filters: int(found["count"]),
    } | window  # fmt: skip


def _convolution(found: re.Match[str]) -> dict[str, Any]:
    return _filters(found, "Convolution", "Padding", "NumChannels", "NumFilters")


def _grouped(found: re.Match[str]) -> dict[str, Any]:
    properties = _filters(found, "GroupedConvolution", "Padding", "NumChannelsPerGroup", "NumFiltersPerGroup")
    return properties | {"NumGroups": int(found["groups"])}


def _transposed(found: re.Match[str]) -> dict[str, Any]:
    return _filters(found, "TransposedConvolution", "Cropping", "NumChannels", "NumFilters")


def _pooling(kind: str) -> Callable[[re.Match[str]], dict[str, Any]]:
    def properties(found: re.Match[str]) -> dict[str, Any]:
        window, size = _window(found, "Padding"), _sizes(found)
        if len(size) != len(window["Stride"]):
            raise _UnreadableError(f"{len(size)} sizes do not fit a stride of {len(window['Stride'])}")
        return {"Class": f"{kind}Pooling{len(size)}DLayer", "PoolSize": size} | window

    return properties


def _input(found: re.Match[str]) -> dict[str, Any]:
    size = _sizes(found)
    properties = {"InputSize": size, "Normalization": found["mode"] or "none"}
    return properties | ({"Class": "Image3DInputLayer"} if len(size) == 4 else {})


def _global(found: re.Match[str]) -> dict[str, Any]:
    kind = {"average": "Average", "max": "Max"}[found["kind"].lower()]
    return {"Class": f"Global{kind}Pooling{found['rank'] or 2}DLayer"}


def _counted(name: str) -> Callable[[re.Match[str]], dict[str, Any]]:
    return lambda found: {name: int(found["count"])}


def _measured(name: str) -> Callable[[re.Match[str]], dict[str, Any]]:
    return lambda found: {name: float(found["number"])}


def _classes(found: re.Match[str]) -> dict[str, Any]:
    """The class names, where the line shows all of them."""
    names = re.findall(r"'([^']*)'", found["names"] or "")
    return {"Classes": np.array([names], object)} if names and "other" not in found["names"] else {}


_RECURRENT = {"OutputMode": "sequence", "StateActivationFunction": "tanh", "GateActivationFunction": "sigmoid"}
_PER_CHANNEL = {"NormalizationDimension": "channel"}
_NAMES = r"(?: with (?P<names>.*))?"

_FORMS = [
    Form(r"(?:3-D )?Image Input", rf"{_SIZES} images{_NORMALIZATION}", "ImageInputLayer", _input, _PER_CHANNEL),
    Form(r"Feature Input", rf"{_SIZES} features{_NORMALIZATION}", "FeatureInputLayer", _input, _PER_CHANNEL),
    Form(r"Sequence Input", rf"Sequence input with {_SIZES} dimensions?{_NORMALIZATION}", "SequenceInputLayer", _input,
         _PER_CHANNEL),
    Form(r"(?:[123]-D )?Convolution", rf"{_COUNT} {_SIZES} convolutions {_WINDOW}", "", _convolution,
         {"DilationFactor": 1, "PaddingValue": 0}),
    Form(r"(?:2-D )?Grouped Convolution", rf"(?P<groups>\d+) groups of {_COUNT} {_SIZES} convolutions {_WINDOW}", "", _grouped,
         {"DilationFactor": 1, "PaddingValue": 0}),
    Form(r"(?:[123]-D )?Transposed Convolution", rf"{_COUNT} {_SIZES} transposed convolutions {_WINDOW}", "", _transposed),
    Form(r"(?:[123]-D )?Max Pooling", rf"{_SIZES} max pooling {_WINDOW}", "", _pooling("Max")),
    Form(r"(?:[123]-D )?Average Pooling", rf"{_SIZES} average pooling {_WINDOW}", "", _pooling("Average"),
         {"PaddingValue": 0}),
    Form(r"(?:[123]-D )?Global (?:Average|Max) Pooling", r"(?:(?P<rank>[123])-D )?Global (?P<kind>average|max) pooling", "",
         _global),
    Form(r"Cross Channel Normalization", rf"cross channel normalization with {_COUNT} channels per element",
         "CrossChannelNormalizationLayer", _counted("WindowChannelSize"), {"Alpha": 1e-4, "Beta": 0.75, "K": 2}),
    Form(r"Batch Normalization", r"Batch normalization(?: with (?P<count>\d+) channels)?", "BatchNormalizationLayer",
         lambda found: {"NumChannels": int(found["count"]) if found["count"] else "auto"}, {"Epsilon": 1e-5}),
    Form(r"Layer Normalization", r"Layer normalization(?: with (?P<count>\d+) channels)?", "LayerNormalizationLayer",
         lambda found: {"NumChannels": int(found["count"]) if found["count"] else "auto"},
         {"Epsilon": 1e-5, "OperationDimension": "auto"}),
    Form(r"ReLU", r"ReLU", "ReLULayer"),
    Form(r"Leaky ReLU", rf"Leaky ReLU with scale {_NUMBER}", "LeakyReLULayer", _measured("Scale")),
    Form(r"Clipped ReLU", rf"Clipped ReLU with ceiling {_NUMBER}", "ClippedReLULayer", _measured("Ceiling")),
    Form(r"ELU", rf"ELU with Alpha {_NUMBER}", "ELULayer", _measured("Alpha")),
    Form(r"GELU", r"GELU", "GELULayer", unsaid={"Approximation": "none"}),
    Form(r"Swish", r"Swish", "SwishLayer"),
    Form(r"Tanh|Hyperbolic tangent", r"Tanh|Hyperbolic tangent", "TanhLayer"),
    Form(r"Sigmoid", r"Sigmoid(?: activation function)?", "SigmoidLayer"),
    Form(r"Softplus", r"Softplus", "SoftplusLayer"),
    Form(r"Softmax", r"Softmax", "SoftmaxLayer"),
    Form(r"Fully Connected", rf"{_COUNT} fully connected layer", "FullyConnectedLayer", _counted("OutputSize")),
    Form(r"Dropout", rf"{_NUMBER}% dropout", "DropoutLayer", lambda found: {"Probability": float(found["number"]) / 100}),
    Form(r"Flatten", r"Flatten", "FlattenLayer"),
    Form(r"Keras Flatten", r"Flatten activations into 1-D assuming C-style \(row-major\) order",
         "nnet.keras.layer.FlattenCStyleLayer"),
    Form(r"LSTM", rf"LSTM with {_COUNT} hidden units?", "LSTMLayer", _counted("NumHiddenUnits"), _RECURRENT),
    Form(r"BiLSTM", rf"BiLSTM with {_COUNT} hidden units?", "BiLSTMLayer", _counted("NumHiddenUnits"), _RECURRENT),
    Form(r"GRU", rf"GRU with {_COUNT} hidden units?", "GRULayer", _counted("NumHiddenUnits"),
         _RECURRENT | {"ResetGateMode": "after-multiplication"}),
    Form(r"Addition", rf"Element-wise addition of {_COUNT} inputs", "AdditionLayer", _counted("NumInputs")),
    Form(r"Multiplication", rf"Element-wise multiplication of {_COUNT} inputs", "MultiplicationLayer", _counted("NumInputs")),
    Form(r"Depth concatenation", rf"Depth concatenation of {_COUNT} inputs", "DepthConcatenationLayer", _counted("NumInputs")),
    Form(r"Concatenation", rf"Concatenation of {_COUNT} inputs along dimension (?P<dimension>\d+)", "ConcatenationLayer",
         lambda found: {"NumInputs": int(found["count"]), "Dim": int(found["dimension"])}),
    Form(r"YOLO v2 Transform Layer", rf"YOLO v2 Transform Layer with {_COUNT} anchors?", "YOLOv2TransformLayer",
         _counted("NumAnchorBoxes")),
    Form(r"Classification Output", rf"(?:class weighted )?crossentropyex{_NAMES}", "ClassificationOutputLayer", _classes),
    Form(r"Regression Output", rf"mean-squared-error{_NAMES}", "RegressionOutputLayer"),
    Form(r"Pixel Classification Layer", rf"(?:Class weighted )?Cross-entropy loss{_NAMES}", "PixelClassificationLayer",
         _classes),
]  # fmt: skip
