"""What the translation of one layer sees: its properties, what comes in, and how to add nodes and weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx.shape_inference

from converter.emitters.onnx import to_model
from converter.errors import Problem, ReadError
from converter.graph import Graph, Node, Shape, Value, Weight
from converter.padding import Padding
from converter.readers.matlab.properties import Properties, sizes
from converter.readers.matlab.table import LayerRecord

BATCH, TIME = "batch", "time"
"""The symbols of the batch size and of the length of sequences in every shape."""

IMAGES, FOLDED = f"{BATCH}*{TIME}", "images"
"""The symbols of how many images there are in a batch of sequences: of images over time, and between folding layers."""


class Untranslated(Exception):  # noqa: N818 - not an error: the layer becomes a placeholder that ``convert`` refuses
    """The layer is sound, but the graph has no form for it; the text says why."""


class Site:
    """One layer being translated. ``inputs`` are the values that arrive, in the order of its input ports."""

    def __init__(self, graph: Graph, record: LayerRecord, inputs: Sequence[Value]):
        self.graph = graph
        self.record = record
        self.name = record.name
        self.origin = record.where
        self.properties: Properties = record.properties
        self.inputs = list(inputs)
        self.learnables: list[Weight] = []
        """Weights made so far that were learnables of the layer."""

    @property
    def x(self) -> Value:
        """The first input."""
        return self.inputs[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of ``x`` after the batch: (channels, height, width) of an image, (channels,) of a vector."""
        return self.known(self.x)[1:]

    @property
    def rank(self) -> int:
        """The number of spatial axes of ``x``."""
        if self.x.shape is None:
            raise Untranslated(f"the size of its input '{self.x.name}' is not known")
        return len(self.x.shape) - 2

    @property
    def is_sequence(self) -> bool:
        """Whether ``x`` is (batch, channels, time): its last size is open, where that of a 1-D image is known."""
        shape = self.x.shape
        return shape is not None and len(shape) == 3 and not isinstance(shape[2], int)

    def known(self, value: Value) -> tuple[int, ...]:
        shape = value.shape
        if shape is None or not all(isinstance(size, int) for size in shape[1:]):
            raise Untranslated(f"the size of its input '{value.name}' is not known")
        return shape

    def channels(self, rank: int | None = None) -> int:
        """Channels of ``x``; ``rank`` is the number of spatial axes it must have."""
        shape = self.x.shape
        if shape is None or len(shape) < 2 or not isinstance(shape[1], int):
            raise Untranslated(f"the size of its input '{self.x.name}' is not known")
        channels, *spatial = shape[1:]
        if rank is not None and shape[0] == IMAGES and len(spatial) == rank - 1:
            raise Untranslated("it works over space and time at once")
        if rank is not None and len(spatial) != rank:
            self.fail(f"its input has sizes {sizes(matlab_order(shape[1:]))}; expected {rank} spatial axes and the channels.")
        return channels

    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of ``x``, which must be an image."""
        self.channels(2)
        channels, height, width = self.sizes
        return channels, height, width

    def fail(self, reason: str, advice: str = "") -> None:
        raise ReadError(Problem(reason, self.origin, advice))

    def note(self, text: str) -> None:
        """Tell in every report what was assumed of this layer."""
        self.graph.notes.append(f"{self.origin}: {text}")

    def add(
        self,
        op_type: str,
        inputs: Sequence[Value | Weight | None] | None = None,
        attributes: dict | None = None,
        *,
        part: str = "",
        is_core: bool = False,
        shape: Shape | None = None,
    ) -> Value:
        """Append a node and return its output, with its shape worked out; ``shape`` where one node alone does not tell it.

        The layer's last node bears the layer's name; a node before it names its ``part``. So does its output, but the node
        that ``is_core``, holding the weights, bears the layer's name although others follow.
        """
        (output,) = self.add_all(op_type, inputs, attributes, [True], part=part, is_core=is_core)
        output.shape = output.shape if shape is None else shape
        return output

    def add_all(
        self,
        op_type: str,
        inputs: Sequence[Value | Weight | None] | None,
        attributes: dict | None,
        wanted: Sequence[bool],
        *,
        part: str = "",
        is_core: bool = False,
    ) -> list[Value]:
        """Append a node of several outputs and return those that are wanted, with their shapes worked out."""
        name = f"{self.name}_{part}" if part else self.name
        values = [Value.of_weight(item) if isinstance(item, Weight) else item for item in inputs or [self.x]]
        self.learnables += [v.weight for v in values if v is not None and v.weight is not None and v.weight.trainable]
        names = [name if index == wanted.index(True) else f"{name}_{index + 1}" for index in range(len(wanted))]
        outputs = [Value(text) if want else None for text, want in zip(names, wanted, strict=True)]
        node = Node(op_type, values, outputs, attributes, name=self.name if is_core else name, origin=self.origin)
        self.graph.nodes.append(node)
        self._infer(node)
        return [output for output in outputs if output is not None]

    def input(self, shape: Shape) -> Value:
        """A new input of the network; inside a network layer, what arrives there."""
        if self.inputs:
            if self.x.shape is None:
                raise Untranslated(f"the size of its input '{self.x.name}' is not known")
            if self.x.shape[1:] != tuple(shape):
                arriving, own = (sizes(matlab_order(item)) for item in (self.x.shape[1:], tuple(shape)))
                self.fail(f"reads {own}, but {arriving} arrive.")
            return self.x
        value = Value(self.name, np.float32, (BATCH, *shape))
        self.graph.inputs.append(value)
        return value

    def scalar(self, number: float, part: str) -> Value:
        """A float32 constant without axes."""
        return Value.constant(np.array(number, dtype=np.float32), f"{self.name}_{part}")

    def integers(self, numbers: Sequence[int], part: str) -> Value:
        """Whole numbers that a node takes as an input, such as a shape."""
        return Value.constant(np.array(numbers, dtype=np.int64), f"{self.name}_{part}")

    def weight(self, name: str, shape: Sequence[int], *, trainable: bool = True) -> Weight:
        """Property ``name`` as float32 in MATLAB's order, which must have ``shape``; without numbers where it is empty.

        MATLAB drops trailing axes of size 1 when it saves, so these may be missing.
        """
        array = self.properties.array(name, None)
        if array is not None and without_trailing_ones(array.shape) != without_trailing_ones(shape):
            self.fail(f"{name} is {sizes(array.shape)}; expected {sizes(shape)}.")
        return self._weight(name, shape, array, trainable)

    def vector(self, name: str, count: int, *, trainable: bool = True) -> Weight:
        """Property ``name`` as one float32 number per channel, along whichever axis it lies."""
        array = self.properties.array(name, None)
        if array is not None and (array.size != count or max(array.shape) != count):
            self.fail(f"{name} is {sizes(array.shape)}; expected {count} numbers, one for each channel.")
        return self._weight(name, (count,), array, trainable)

    def bias(self, weights: Weight, bias: Weight) -> Weight | None:
        """``bias``, or None where the source has numbers for the weights and none for the bias: then there is no bias."""
        if bias.has_data and not weights.has_data:
            self.fail("has numbers for its Bias, but none for its Weights.")
        return bias if bias.has_data or not weights.has_data else None

    def _weight(self, name: str, shape: Sequence[int], array: np.ndarray | None, trainable: bool) -> Weight:
        label = f"{self.name}.{name}"
        if array is None:
            return Weight(label, shape, np.float32, trainable=trainable)
        return Weight.of(np.asarray(array, dtype=np.float32).reshape(shape, order="F"), label, trainable=trainable)

    def sides(self, word: str, rank: int) -> Padding | None:
        """PaddingSize or CroppingSize (``word`` 'Padding' or 'Cropping'), None where the mode is 'same'."""
        p = self.properties
        if p.choice(f"{word}Mode", "manual", "same", default="manual") == "same":
            return None
        flat = p.integers(f"{word}Size", 2 * rank, least=0)
        if rank < 3:
            return Padding.from_matlab(flat)
        if p.array(f"{word}Size").shape != (2, rank):
            p.fail(f"{word}Size", "[top left front; bottom right back]")
        return Padding.from_matlab([flat[0::2], flat[1::2]])

    def pads(self, rank: int) -> dict[str, Any]:
        """The attributes of a convolution or pooling that say its padding."""
        if rank == 1 and self.properties.text("PaddingMode", "manual") == "causal":
            p = self.properties
            window = p.integer("FilterSize" if "FilterSize" in p else "PoolSize")
            return {"pads": Padding(((window - 1) * p.integer("DilationFactor", 1),), (0,))}
        padding = self.sides("Padding", rank)
        return {"auto_pad": "SAME_UPPER"} if padding is None else {"pads": padding}

    def _infer(self, node: Node) -> None:
        """Shapes and types of the outputs, from the standard's own inference on their node alone."""
        outputs = [value for value in node.outputs if value is not None]
        dynamic = list(dict.fromkeys(value for value in node.inputs if value is not None and value.weight is None))
        if any(value.shape is None for value in dynamic):
            return
        model = to_model(Graph("", dynamic, outputs, [node]), weights=False)
        try:
            inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph.output
        except onnx.shape_inference.InferenceError as error:
            arriving = " and ".join(sizes(matlab_order(value.shape[1:])) for value in dynamic)
            raise ReadError(Problem(f"what arrives ({arriving}) does not fit: {_reason(error)}", self.origin)) from error
        for output, found in zip(outputs, inferred, strict=True):
            kind = found.type.tensor_type
            if node.op_type == "GroupNormalization" and not kind.elem_type:  # a function, which is not looked into
                output.dtype, output.shape = node.inputs[0].dtype, node.inputs[0].shape
                continue
            output.dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
            output.shape = tuple(
                dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else None) for dim in kind.shape.dim
            )
            if any(isinstance(size, int) and size < 1 for size in output.shape):
                self.fail(f"its input of {sizes(matlab_order(self.x.shape[1:]))} is smaller than its window.")


def matlab_order(channels_first: Sequence[int]) -> tuple[int, ...]:
    """(channels, height, width) as MATLAB writes it: (height, width, channels)."""
    return (*channels_first[1:], *channels_first[:1])


def without_trailing_ones(shape: Sequence[int]) -> tuple[int, ...]:
    kept = len(shape)
    while kept and shape[kept - 1] == 1:
        kept -= 1
    return tuple(shape[:kept])


def product(numbers: Sequence[int]) -> int:
    return math.prod(numbers)


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
