"""Layers and functions that emitted Keras code copies where Keras itself has no equal.

Images are (batch, *spatial, channel).
"""

import functools
import itertools
import math

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Weight(layers.Layer):
    """A weight that stands alone: called on any tensor of the model, it gives its own value."""

    def __init__(self, shape, start="zeros", **kwargs):
        super().__init__(**kwargs)
        self.value = self.add_weight(shape, start, name="value")

    def call(self, x):
        return ops.convert_to_tensor(self.value)


@keras.saving.register_keras_serializable()
class LocalResponseNormalization(layers.Layer):
    """x / (bias + alpha / size * (sum of squares over ``size`` neighbouring channels)) ** beta."""

    def __init__(self, size, alpha=1e-4, beta=0.75, bias=1.0, **kwargs):
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.bias = size, alpha, beta, bias

    def call(self, x):
        sides = [(0, 0)] * (x.ndim - 1) + [((self.size - 1) // 2, self.size // 2)]
        squares = ops.pad(ops.square(x), sides)
        total = sum(squares[..., i : i + x.shape[-1]] for i in range(self.size))
        return x / (self.bias + self.alpha / self.size * total) ** self.beta


def average_pool(x, size, strides, sides):
    """Average over the elements inside ``x``: padding (``sides`` of each spatial axis) is not counted."""
    sides = [(0, 0), *sides, (0, 0)]
    total = ops.average_pool(ops.pad(x, sides), size, strides)
    return total / ops.average_pool(ops.pad(ops.ones_like(x), sides), size, strides)


def dilated_pool(combine, x, sizes, strides, dilations):
    """Combine the elements of windows with gaps between them, one axis after the other."""
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations), start=1):
        last = (size - 1) * dilation
        parts = [
            (slice(None),) * axis + (slice(start, (start - last) or None, stride),) for start in range(0, last + 1, dilation)
        ]
        x = functools.reduce(combine, [x[part] for part in parts])
    return x


def dilated_average_pool(x, sizes, strides, dilations, sides):
    """Average pooling with gaps in the window; padding (``sides`` of each spatial axis) is not counted."""
    sides = [(0, 0), *sides, (0, 0)]
    total = dilated_pool(ops.add, ops.pad(x, sides), sizes, strides, dilations)
    return total / dilated_pool(ops.add, ops.pad(ops.ones_like(x), sides), sizes, strides, dilations)


def every(x, strides):
    """Every ``strides``-th element along each spatial axis."""
    return x[(slice(None), *(slice(None, None, stride) for stride in strides))]


def spread(x, strides):
    """``x`` with ``strides - 1`` zeros between neighbours along each spatial axis."""
    for axis, stride in enumerate(strides, start=1):
        shape, rank = x.shape, x.ndim
        gaps = [(0, 0)] * (axis + 1) + [(0, stride - 1)] + [(0, 0)] * (rank - axis - 1)
        x = ops.pad(ops.expand_dims(x, axis + 1), gaps)
        x = ops.reshape(x, (-1, *shape[1:axis], shape[axis] * stride, *shape[axis + 1 :]))
        x = x[(slice(None),) * axis + (slice(0, (shape[axis] - 1) * stride + 1),)]
    return x


@keras.saving.register_keras_serializable()
class Eager(layers.Layer):
    """Calls a function that needs the numbers of its inputs, not only their shapes: such a model runs eagerly.

    ``shapes`` and ``dtypes`` are those of the result, or tuples of them where there are several.
    """

    def __init__(self, function, shapes, dtypes, name=None, **options):
        super().__init__(name=name, autocast=False)
        self.function, self.shapes, self.dtypes, self.options = function, shapes, dtypes, options

    def call(self, *inputs):
        return self.function(*inputs, **self.options)

    def compute_output_spec(self, *inputs):
        if isinstance(self.dtypes, str):
            return keras.KerasTensor(self.shapes, self.dtypes)
        return tuple(keras.KerasTensor(shape, dtype) for shape, dtype in zip(self.shapes, self.dtypes))


def numbers(x):
    """A tensor's numbers as Python numbers."""
    x = ops.cast(x, "float32") if ops.dtype(x) == "bfloat16" else x  # which NumPy lacks
    return ops.convert_to_numpy(x).tolist()


@keras.saving.register_keras_serializable()
def over_axes(x, axes, reduce, **options):
    """A reduction over axes that are computed."""
    return reduce(x, axis=tuple(numbers(axes)), **options)


def truncated_division(a, b):
    """Integer division, rounded towards zero."""
    quotient = a // b
    wrong = ops.logical_and(ops.not_equal(quotient * b, a), quotient < 0)
    return quotient + ops.cast(wrong, quotient.dtype)


def running(function, x, axis, start, exclusive, reverse):
    """A running sum or product, without the element itself, or from the end."""
    if reverse:
        x = ops.flip(x, axis)
    if exclusive:
        size = x.shape[axis]
        first = ops.full_like(ops.take(x, [0], axis=axis), start)
        x = ops.concatenate([first, ops.take(x, list(range(size - 1)), axis=axis)], axis=axis)
    x = function(x, axis=axis, dtype=ops.dtype(x))
    return ops.flip(x, axis) if reverse else x


@keras.saving.register_keras_serializable()
def running_along(x, axis, cumulate, start, exclusive, reverse):
    """``running`` along an axis that is computed."""
    return running(cumulate, x, int(numbers(axis)), start, exclusive, reverse)


def top_k(x, k, axis, largest):
    """The ``k`` largest or smallest elements in order and where they are; of equal ones the first."""
    key = x if not largest else ops.bitwise_not(x) if "int" in x.dtype else -x
    order = ops.take(ops.argsort(key, axis=axis), list(range(k)), axis=axis)
    return ops.take_along_axis(x, order, axis=axis), ops.cast(order, "int64")


@keras.saving.register_keras_serializable()
def sliced(x, starts, ends, *rest, given):
    """Slices that are computed; ``given`` names what ``rest`` holds. A negative step walks from the end."""
    rest = dict(zip(given, map(numbers, rest)))
    starts, ends = numbers(starts), numbers(ends)
    axes, steps = rest.get("axes", range(len(starts))), rest.get("steps", [1] * len(starts))
    for start, end, axis, step in zip(starts, ends, axes, steps):
        places = list(range(x.shape[axis])[start:end:step])
        x = ops.take(x, ops.convert_to_tensor(places, "int32"), axis=axis)
    return x


@keras.saving.register_keras_serializable()
def gather_nd(x, indices, batch_dims):
    """Slices of ``x`` at the places that the last axis of ``indices`` tells, batch by batch."""
    depth, rest = indices.shape[-1], x.shape[batch_dims + indices.shape[-1] :]
    sizes = x.shape[batch_dims : batch_dims + depth]
    batch = math.prod(x.shape[:batch_dims])
    places = sum(indices[..., i] % size * math.prod(sizes[i + 1 :]) for i, size in enumerate(sizes))
    first = ops.arange(batch, dtype=places.dtype) * math.prod(sizes)
    places = ops.reshape(places, (batch, -1)) + ops.expand_dims(first, 1)
    flat = ops.take(ops.reshape(x, (-1, *rest)), ops.reshape(places, (-1,)), axis=0)
    return ops.reshape(flat, (*indices.shape[:-1], *rest))


@keras.saving.register_keras_serializable()
def scatter_elements(x, indices, updates, axis, reduction):
    """``x`` with each of ``updates`` put, or combined, at its index along ``axis``."""
    places = list(ops.meshgrid(*[ops.arange(size, dtype=indices.dtype) for size in indices.shape], indexing="ij"))
    places[axis] = indices % x.shape[axis]
    places = ops.reshape(ops.stack(places, axis=-1), (-1, len(places)))
    return ops.scatter_update(x, places, ops.reshape(updates, (-1,)), reduction=reduction)


def one_hot(indices, depth, values, axis):
    """``values[1]`` at each index along a new axis, ``values[0]`` elsewhere."""
    places = ops.reshape(ops.arange(depth, dtype=indices.dtype), (-1, *[1] * (len(indices.shape) - axis)))
    indices = ops.where(indices < 0, indices + depth, indices)
    return ops.where(ops.equal(places, ops.expand_dims(indices, axis)), values[1], values[0])


@keras.saving.register_keras_serializable()
def nonzero(x):
    """The places of what is not zero, a column each."""
    return ops.cast(ops.stack(ops.nonzero(x)), "int64")


@keras.saving.register_keras_serializable()
def unique(x, axis, sorted, count):
    """The distinct elements (or slices along ``axis``), where each is first, the inverse and the counts."""
    x = ops.convert_to_numpy(x)
    values, first, inverse, counts = np.unique(x, True, True, True, axis=axis)
    if not sorted:
        order = np.argsort(first)
        values, first, counts = np.take(values, order, axis=axis or 0), first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    found = [ops.convert_to_tensor(part) for part in (values, first, inverse.reshape(-1), counts)]
    return found[0] if count == 1 else tuple(found[:count])


@keras.saving.register_keras_serializable()
def compress(x, condition, axis):
    """What stands where ``condition`` holds."""
    places = ops.convert_to_tensor(np.flatnonzero(ops.convert_to_numpy(condition)), "int32")
    return ops.take(ops.reshape(x, (-1,)) if axis is None else x, places, axis=axis or 0)


@keras.saving.register_keras_serializable()
def reverse_sequence(x, lengths, time_axis, batch_axis):
    """The first ``lengths[i]`` steps of each sequence in reverse order."""
    steps = ops.arange(x.shape[time_axis], dtype=lengths.dtype)
    lengths = ops.expand_dims(lengths, 1)
    order = ops.where(ops.less(steps, lengths), lengths - 1 - steps, steps)
    order = order if batch_axis < time_axis else ops.transpose(order)
    order = ops.reshape(order, (*order.shape, *[1] * (len(x.shape) - 2)))
    return ops.take_along_axis(x, ops.broadcast_to(order, x.shape), axis=time_axis)


def shifted(shift, x, bits, width):
    """A shift by any number of bits: by ``width`` or more nothing is left but the sign of what goes right."""
    wide = ops.logical_or(bits < 0, ops.greater_equal(bits, ops.cast(width, bits.dtype)))
    y = shift(x, ops.where(wide, ops.cast(width - 1, bits.dtype), bits))
    return ops.where(wide, shift(y, ops.ones_like(bits)), y)


@keras.saving.register_keras_serializable()
def reshaped(x, shape, zero):
    """``x`` in a shape that is computed; a 0 there keeps the size, unless ``zero`` takes it as it is."""
    return ops.reshape(x, [x.shape[i] if size == 0 and not zero else size for i, size in enumerate(numbers(shape))])


def padded(x, sides, mode, fill):
    """Padding of any axes by any mode; negative amounts crop."""
    for axis, (begin, end) in enumerate(sides):
        size = x.shape[axis]
        if not begin and not end:
            continue
        places = np.arange(-begin, size + end)
        if mode == "edge":
            inside = places.clip(0, size - 1)
        elif mode == "reflect":
            inside = abs((places + size - 1) % max(2 * size - 2, 1) - size + 1)
        else:
            inside = places % size
        part = ops.take(x, ops.convert_to_tensor(inside, "int32"), axis=axis)
        if mode == "constant":
            outside = ((places < 0) | (places >= size)).reshape(-1, *[1] * (len(x.shape) - 1 - axis))
            part = ops.where(outside, ops.cast(fill, x.dtype), part)
        x = part
    return x


@keras.saving.register_keras_serializable()
def padded_by(x, pads, *rest, given, mode):
    """``padded`` by amounts that are computed: all beginnings, then all ends. ``given`` names what ``rest`` holds."""
    pads, rest = numbers(pads), dict(zip(given, map(numbers, rest)))
    axes, fill = rest.get("axes", range(len(x.shape))), rest.get("fill", 0)
    sides = [(0, 0)] * len(x.shape)
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :]):
        sides[axis] = begin, end
    return padded(x, sides, mode, fill)


@keras.saving.register_keras_serializable()
def triangle(x, k, upper):
    """The upper or lower triangle from a diagonal that is computed."""
    k = max(-x.shape[-2], min(int(numbers(k)), x.shape[-1]))
    return ops.triu(x, k) if upper else ops.tril(x, k)


@keras.saving.register_keras_serializable()
def count(start, limit, delta):
    """The numbers from ``start`` on, by ``delta``, that come before ``limit``."""
    return ops.convert_to_tensor(np.arange(*map(numbers, (start, limit, delta))), start.dtype)


@keras.saving.register_keras_serializable()
def shape_of(x, start, end):
    """The sizes of some axes as a tensor."""
    return ops.convert_to_tensor(ops.shape(x)[start:end], "int64")


@keras.saving.register_keras_serializable()
def size_of(x):
    """The number of elements as a tensor."""
    return ops.convert_to_tensor(math.prod(x.shape), "int64")


def resize_places(size, new, scale, coordinates, start, end):
    """Where in an axis of ``size`` elements each of the ``new`` ones lies."""
    x = np.arange(new, dtype=np.float64)
    if coordinates == "align_corners":
        return x * (size - 1) / max(new - 1, 1)
    if coordinates == "asymmetric":
        return x / scale
    if coordinates == "tf_half_pixel_for_nn":
        return (x + 0.5) / scale
    if coordinates == "tf_crop_and_resize":
        if new == 1:
            return x + (start + end) * (size - 1) / 2
        return start * (size - 1) + x * (end - start) * (size - 1) / (new - 1)
    if coordinates == "pytorch_half_pixel" and new == 1:
        return x * 0
    x = (x + 0.5) / scale - 0.5
    if coordinates == "half_pixel_symmetric":
        x += size / 2 * (1 - new / (scale * size))
    return x


def resize_weights(size, x, scale, mode, a, exclude_outside, antialias):
    """A matrix: how much each old element of an axis counts for each new one, which lies at ``x``."""
    if mode in ("floor", "ceil"):
        places = np.floor(x) if mode == "floor" else np.ceil(x)
    elif mode.startswith("round"):
        places = np.ceil(x - 0.5) if mode == "round_prefer_floor" else np.floor(x + 0.5)
    if mode not in ("linear", "cubic"):
        return places.clip(0, size - 1).astype(int)
    scale = min(scale, 1) if antialias else 1
    reach = int(np.ceil((1 if mode == "linear" else 2) / scale))
    places = np.floor(x)[:, None] + np.arange(1 - reach, reach + 1)
    d = abs(places - x[:, None]) * scale
    if mode == "linear":
        weights = (1 - d).clip(0)
    else:
        near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        weights = np.where(d <= 1, near, np.where(d < 2, far, 0))
    if exclude_outside:
        weights = np.where((places < 0) | (places >= size), 0, weights)
    weights /= weights.sum(1, keepdims=True)
    matrix = np.zeros((len(x), size))
    np.add.at(matrix, (np.arange(len(x))[:, None], places.clip(0, size - 1).astype(int)), weights)
    return matrix


@keras.saving.register_keras_serializable()
def resize(
    x,
    sizes=None,
    scales=None,
    roi=None,
    axes=None,
    mode="nearest",
    coordinate_transformation_mode="half_pixel",
    nearest_mode="round_prefer_floor",
    cubic_coeff_a=-0.75,
    exclude_outside=0,
    extrapolation_value=0.0,
    antialias=0,
    keep_aspect_ratio_policy="stretch",
):
    """The image in other sizes, one axis after the other, as the ONNX operator Resize defines it."""
    axes = list(range(len(x.shape))) if axes is None else axes
    if sizes is not None:
        scales = [size / x.shape[axis] for axis, size in zip(axes, sizes)]
        if keep_aspect_ratio_policy != "stretch":
            scales = [min(scales) if keep_aspect_ratio_policy == "not_larger" else max(scales)] * len(axes)
            sizes = [int(x.shape[axis] * scale + 0.5) for axis, scale in zip(axes, scales)]
    else:
        sizes = [int(x.shape[axis] * scale) for axis, scale in zip(axes, scales)]
    crops = coordinate_transformation_mode == "tf_crop_and_resize"
    for i, axis in enumerate(axes):
        size, (start, end) = x.shape[axis], (roi[i], roi[i + len(axes)]) if crops else (0, 1)
        if size == sizes[i] and scales[i] == 1 and not crops:
            continue
        places = resize_places(size, sizes[i], scales[i], coordinate_transformation_mode, start, end)
        how = nearest_mode if mode == "nearest" else mode
        weights = resize_weights(size, places, scales[i], how, cubic_coeff_a, exclude_outside, antialias)
        x = weigh(x, weights, axis)
        if crops:
            outside = ((places < 0) | (places > size - 1)).reshape(-1, *[1] * (len(x.shape) - 1 - axis))
            x = ops.where(outside, ops.cast(extrapolation_value, x.dtype), x)
    return x


@keras.saving.register_keras_serializable()
def resize_by(x, *tensors, given, **options):
    """``resize`` by sizes or scales that are computed; ``given`` names what ``tensors`` holds."""
    return resize(x, **dict(zip(given, map(numbers, tensors))), **options)


def weigh(x, weights, axis):
    """``x`` along an axis multiplied by a matrix, or the elements at the places that a vector tells."""
    if weights.ndim == 1:
        return ops.take(x, ops.convert_to_tensor(weights, "int32"), axis=axis)
    return ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), ops.convert_to_tensor(weights.T, x.dtype)), -1, axis)


def affine_grid(theta, sizes, align_corners):
    """Where each element of an image of ``sizes`` comes from under ``theta``: x, y (and z) between -1 and 1."""
    lines = [np.linspace(-1, 1, n) if align_corners else (2 * np.arange(n) + 1) / n - 1 for n in sizes]
    grid = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(sizes)], axis=-1)
    flat = ops.convert_to_tensor(grid.reshape(-1, len(sizes) + 1), theta.dtype)
    return ops.reshape(ops.matmul(flat, ops.swapaxes(theta, 1, 2)), (-1, *sizes, len(sizes)))


@keras.saving.register_keras_serializable()
def grid_sample(x, grid, mode, padding_mode, align_corners):
    """``x`` (batch, channel, *spatial) at the places that ``grid`` tells: x, y (and z) between -1 and 1."""
    sizes, places = x.shape[2:], []
    for axis, size in enumerate(sizes):
        place = grid[..., len(sizes) - 1 - axis]
        place = (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2
        places.append(place if mode == "cubic" else inside(place, size, padding_mode, align_corners))
    total = 0
    for corner in itertools.product(*[{"nearest": [0], "linear": [0, 1], "cubic": [-1, 0, 1, 2]}[mode]] * len(sizes)):
        index, weight, valid = 0, 1, True
        for place, size, step in zip(places, sizes, corner):
            near = ops.round(place) if mode == "nearest" else ops.floor(place) + step
            weight = weight * sampling_weight(place - near, mode)
            near = inside(near, size, padding_mode, align_corners) if mode == "cubic" else near
            valid = ops.logical_and(valid, ops.logical_and(near >= 0, near <= size - 1))
            index = index * size + ops.cast(ops.clip(ops.round(near), 0, size - 1), "int32")
        index = ops.reshape(index, (x.shape[0], 1, -1))
        flat = ops.reshape(x, (*x.shape[:2], -1))
        found = ops.take_along_axis(flat, ops.broadcast_to(index, (*x.shape[:2], index.shape[-1])), axis=2)
        total += found * ops.reshape(ops.cast(valid, x.dtype) * weight, (x.shape[0], 1, -1))
    return ops.reshape(total, (*x.shape[:2], *grid.shape[1:-1]))


def inside(place, size, padding_mode, align_corners):
    """A place in an axis as padding tells: at the border, reflected there, or as it is."""
    if padding_mode == "reflection":
        low, span = (0, size - 1) if align_corners else (-0.5, size)
        if span == 0:
            return ops.zeros_like(place)
        away = ops.abs(place - low) % (2 * span)
        place = ops.minimum(away, 2 * span - away) + low
    return place if padding_mode == "zeros" else ops.clip(place, 0, size - 1)


def sampling_weight(distance, mode, a=-0.75):
    """How much an element at a distance counts."""
    d = ops.abs(distance)
    if mode == "cubic":
        near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return ops.where(d <= 1, near, far)
    return 1 - d if mode == "linear" else ops.ones_like(d)


@keras.saving.register_keras_serializable()
def filled(shape, value, number):
    """A tensor of one value, of a number type, in a shape that is computed."""
    return ops.full(numbers(shape), value, dtype=number)


def wrapped(x, bits, signed):
    """Integers of fewer than 8 bits: what exceeds them wraps round."""
    lowest = -(2 ** (bits - 1)) if signed else 0
    return ops.cast((ops.cast(x, "int32") - lowest) % 2**bits + lowest, "int8" if signed else "uint8")


def rounded(x, mantissa, lowest, largest, beyond):
    """The nearest number with so many bits of mantissa, the even one of two; what exceeds ``largest`` is ``beyond``."""
    x = ops.cast(x, "float32")
    size = ops.clip(ops.abs(x), 2.0**lowest, largest)
    power = ops.floor(ops.log2(size))
    power = ops.where(2.0**power > size, power - 1, ops.where(2.0 ** (power + 1) <= size, power + 1, power))
    unit = 2.0 ** (power - mantissa)
    x = ops.round(x / unit) * unit
    return ops.where(ops.abs(x) > largest, ops.sign(x) * beyond, x)


def power_of_two(x):
    """The next power of two, 2**-127 at least."""
    size = ops.maximum(ops.cast(x, "float32"), 2.0**-126)
    power = ops.ceil(ops.log2(size))
    power = ops.where(2.0 ** (power - 1) >= size, power - 1, ops.where(2.0**power < size, power + 1, power))
    return ops.where(x < 2.0**-126, 2.0**-127, 2.0 ** ops.minimum(power, 127))


@keras.saving.register_keras_serializable()
def expanded(x, shape):
    """``x`` broadcast to a shape that is computed."""
    return ops.broadcast_to(x, np.broadcast_shapes(tuple(x.shape), tuple(numbers(shape))))
