"""Layers and functions that emitted Keras code copies where Keras itself has no equal.

Images are (batch, *spatial, channel).
"""

import functools
import itertools
import math

import keras
import numpy as np
from keras import layers, ops

from converter.emitters.helpers.both import resize_places, resize_weights


@keras.saving.register_keras_serializable()
class Weight(layers.Layer):
    """A weight that stands alone: called on any tensor of the model, it gives its own value."""

    def __init__(self, shape, start="zeros", holds="float32", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.value = self.add_weight(shape, start, holds, trainable=self.trainable, autocast=False, name="value")

    def call(self, x):
        return ops.convert_to_tensor(self.value)


@keras.saving.register_keras_serializable()
class Token(layers.Layer):
    """A learned token, or several: called on any tensor of the model, it is repeated for each sample of the batch."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.token = self.add_weight((1, *shape), "zeros", name="token")

    def call(self, x):
        return ops.repeat(self.token, ops.shape(x)[0], axis=0)


@keras.saving.register_keras_serializable()
class RepeatLike(layers.Layer):
    """What each window of an image has, repeated for every image: called on tensors that begin with windows."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def call(self, x, mask):
        return ops.tile(mask, (ops.shape(x)[0] // mask.shape[0], *[1] * (mask.ndim - 1)))


@keras.saving.register_keras_serializable()
class Positions(layers.Layer):
    """The numbers 0, 1, 2 and so on, as many as there are along an axis of a tensor."""

    def __init__(self, axis=1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x):
        return ops.arange(ops.shape(x)[self.axis], dtype="int64")


@keras.saving.register_keras_serializable()
class PositionEmbedding(layers.Layer):
    """A learned vector for each step of a tensor (batch, steps, ...): (1, steps, features)."""

    def __init__(self, positions, features, **kwargs):
        super().__init__(**kwargs)
        self.embeddings = self.add_weight((positions, features), name="embeddings")

    def call(self, x):
        return ops.expand_dims(self.embeddings, 0)[:, : ops.shape(x)[1]]


@keras.saving.register_keras_serializable()
class ReversibleEmbedding(layers.Embedding):
    """A vector for each token and, with ``reverse``, a score for each token by its vector."""

    def call(self, inputs, reverse=False):
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.embeddings))
        return super().call(inputs)

    def compute_output_spec(self, inputs, reverse=False):
        shape = (*inputs.shape[:-1], self.input_dim) if reverse else (*inputs.shape, self.output_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)


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


def batch_norm_training(x, scale, bias, mean, variance, axis, momentum=0.9, epsilon=1e-5):
    """Normalise by the batch's own statistics; also the running mean and variance with these taken in."""
    axes = [i for i in range(x.ndim) if i != axis % x.ndim]
    batch_mean, batch_variance = ops.moments(x, axes)
    y = ops.batch_normalization(x, batch_mean, batch_variance, axis, offset=bias, scale=scale, epsilon=epsilon)
    kept, new = momentum, 1 - momentum
    return y, kept * mean + new * batch_mean, kept * variance + new * batch_variance


def group_normalization(x, scale, bias, groups, axis=-1, epsilon=1e-5):
    """Each group of channels of each sample by its own statistics; -1 groups are as many as channels."""
    axis %= x.ndim
    channels = x.shape[axis]
    groups = channels if groups == -1 else groups
    grouped = ops.reshape(x, (-1, *x.shape[1:axis], groups, channels // groups, *x.shape[axis + 1 :]))
    mean, variance = ops.moments(grouped, [i for i in range(1, grouped.ndim) if i != axis], keepdims=True)
    y = ops.reshape((grouped - mean) * ops.rsqrt(variance + epsilon), (-1, *x.shape[1:]))
    each = [channels if i == axis else 1 for i in range(x.ndim)]
    return y * ops.reshape(scale, each) + ops.reshape(bias, each)


def layer_normalization(x, scale, bias=None, axis=-1, epsilon=1e-5):
    """Layer normalisation over the axes from ``axis`` on, with the mean and the inverse of the deviation."""
    axes = list(range(axis % x.ndim, x.ndim))
    mean, variance = ops.moments(x, axes, keepdims=True)
    inverse = ops.rsqrt(variance + epsilon)
    y = (x - mean) * inverse * scale
    return (y if bias is None else y + bias), mean, inverse


def negative_log_likelihood(log_prob, target, weight=None, ignore_index=None, reduction="mean"):
    """Minus the logarithm that axis 1 holds for the target's class, weighted by class."""
    kept = ops.ones_like(target) if ignore_index is None else ops.cast(target != ignore_index, target.dtype)
    target = target * kept
    loss = -ops.squeeze(ops.take_along_axis(log_prob, ops.expand_dims(target, 1), axis=1), 1)
    share = ops.cast(kept, log_prob.dtype)
    if weight is not None:
        share = share * ops.take(weight, target, axis=0)
    if reduction == "none":
        return loss * share
    total = ops.sum(loss * share)
    return total / ops.sum(share) if reduction == "mean" else total


def attention(
    q, k, v, mask=None, past_key=None, past_value=None, lengths=None,
    heads=None, causal=False, window=(-1, -1), scale=None, softcap=0.0, precision=None, stage=0,
):  # fmt: skip
    """Attention with a cache: the result, keys and values with the past ones, and the scores after a ``stage``.

    Stage 0 is the product of queries and keys, 1 comes after the soft cap, 2 after the mask, 3 after the softmax.
    """
    if heads is not None:
        q, k, v = split_heads(q, heads[0]), split_heads(k, heads[1]), split_heads(v, heads[1])
    if past_key is not None:
        k, v = ops.concatenate([past_key, k], axis=2), ops.concatenate([past_value, v], axis=2)
    groups, queries, keys = q.shape[1] // k.shape[1], ops.shape(q)[2], ops.shape(k)[2]
    root = (scale or q.shape[-1] ** -0.5) ** 0.5
    scores = ops.matmul(q * root, ops.swapaxes(ops.repeat(k, groups, axis=1) * root, 2, 3))
    stages = [scores]
    if softcap:
        scores = softcap * ops.tanh(scores / softcap)
    stages.append(scores)
    offset = 0 if past_key is None else ops.shape(past_key)[2]
    if lengths is not None:
        lengths = ops.reshape(ops.cast(lengths, "int32"), (-1, 1, 1, 1))
        offset = lengths - queries
    place, key = offset + ops.expand_dims(ops.arange(queries, dtype="int32"), 1), ops.arange(keys, dtype="int32")
    seen = ops.ones_like(scores, dtype="bool")
    if lengths is not None:
        seen = ops.logical_and(seen, lengths > key)
    if causal:
        seen = ops.logical_and(seen, place >= key)
    if window[0] >= 0:
        seen = ops.logical_and(seen, place - window[0] <= key)
    if window[1] >= 0:
        seen = ops.logical_and(seen, place + window[1] >= key)
    if mask is not None:
        sides = [(0, 0)] * (mask.ndim - 1) + [(0, keys - ops.shape(mask)[-1])]
        if mask.dtype == "bool":
            seen = ops.logical_and(seen, ops.pad(mask, sides))
        else:
            scores = scores + ops.pad(mask, sides, constant_values=-float("inf"))
    scores = ops.where(seen, scores, ops.cast(-float("inf"), scores.dtype))
    stages.append(scores)
    weights = ops.softmax(ops.cast(scores, precision or scores.dtype), axis=-1)
    weights = ops.cast(ops.where(ops.isnan(weights), ops.zeros_like(weights), weights), q.dtype)
    stages.append(weights)
    y = ops.matmul(weights, ops.repeat(v, groups, axis=1))
    return (y if heads is None else join_heads(y)), k, v, stages[stage]


def split_heads(x, count):
    """(batch, time, features) as (batch, head, time, features of the head)."""
    x = ops.reshape(x, (-1, x.shape[1], count, x.shape[2] // count))
    return ops.transpose(x, (0, 2, 1, 3))


def join_heads(x):
    """(batch, head, time, features) as (batch, time, features of all heads)."""
    x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))


def rotate_half(x):
    """The second half of the features turned negative, then the first."""
    first, second = ops.split(x, 2, axis=-1)
    return ops.concatenate([-second, first], axis=-1)


def rotary_embedding(x, cos, sin, positions=None, heads=None, size=None, interleaved=False):
    """Turn pairs of the first ``size`` features by the angle of their position."""
    y = split_heads(x, heads) if heads is not None else x
    turned, rest = (y, None) if size is None else (y[..., :size], y[..., size:])
    if positions is not None:
        cos, sin = ops.take(cos, positions, axis=0), ops.take(sin, positions, axis=0)
    cos, sin = ops.expand_dims(cos, 1), ops.expand_dims(sin, 1)
    a, b = (turned[..., ::2], turned[..., 1::2]) if interleaved else ops.split(turned, 2, axis=-1)
    pair = [cos * a - sin * b, sin * a + cos * b]
    whole = (-1, *turned.shape[1:])
    turned = ops.reshape(ops.stack(pair, axis=-1), whole) if interleaved else ops.concatenate(pair, axis=-1)
    y = turned if rest is None else ops.concatenate([turned, rest], axis=-1)
    return join_heads(y) if heads is not None else y


def write_into_cache(cache, update, starts=None, axis=-2, circular=False):
    """The cache with ``update`` written along ``axis`` from each sample's start on."""
    axis %= cache.ndim
    size, length = ops.shape(cache)[axis], ops.shape(update)[axis]
    starts = ops.zeros_like(cache[(slice(None), *(0,) * (cache.ndim - 1))], dtype="int32") if starts is None else starts
    step = ops.arange(size, dtype="int32") - ops.expand_dims(ops.cast(starts, "int32"), 1)
    step = ops.mod(step, size) if circular else step
    shape = [-1, *(size if i == axis else 1 for i in range(1, cache.ndim))]
    step = ops.reshape(step, shape)
    written = ops.logical_and(step >= 0, step < length)
    source = ops.broadcast_to(ops.clip(step, 0, length - 1), ops.shape(cache))
    return ops.where(written, ops.take_along_axis(update, source, axis=axis), cache)


def causal_convolution(x, weight, bias=None, past=None, silu=False):
    """Depthwise convolution that looks back only, and the last inputs for the next call."""
    size = weight.shape[-1] - 1
    x = ops.pad(x, [(0, 0), (0, 0), (size, 0)]) if past is None else ops.concatenate([past, x], axis=-1)
    length, dtype = x.shape[-1] - size, "float64" if x.dtype == "float64" else "float32"
    weight = ops.cast(weight[:, 0], dtype)
    y = sum(ops.cast(x[..., i : i + length], dtype) * weight[:, i : i + 1] for i in range(size + 1))
    y = y if bias is None else y + ops.expand_dims(ops.cast(bias, dtype), 1)
    return ops.cast(ops.silu(y) if silu else y, x.dtype), x[..., length:]


def linear_attention(q, k, v, state=None, decay=None, beta=None, heads=1, kv_heads=1, scale=None, delta=False):
    """Attention without softmax: each head's state is updated token by token and read by the query."""
    dtype = q.dtype
    q, k, v = (ops.cast(split_heads(x, n), "float32") for x, n in ((q, heads), (k, kv_heads), (v, kv_heads)))
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    state_dtype = dtype if state is None else state.dtype
    kept = 0 * ops.expand_dims(k[:, :, 0], -1) * v[:, :, :1] if state is None else ops.cast(state, "float32")
    outputs = []
    for t in range(q.shape[2]):
        key, value = ops.expand_dims(k[:, :, t], -1), v[:, :, t : t + 1]
        if decay is not None:
            gate = ops.exp(ops.cast(decay[:, t], "float32"))
            kept = kept * ops.reshape(gate, (-1, kv_heads, gate.shape[-1] // kv_heads, 1))
        if delta:
            rate = ops.reshape(ops.cast(beta[:, t], "float32"), (-1, beta.shape[-1], 1, 1))
            value = (value - ops.matmul(ops.swapaxes(key, 2, 3), kept)) * rate
        kept = kept + key * value
        outputs.append(scale * ops.matmul(q[:, :, t : t + 1], ops.repeat(kept, heads // kv_heads, axis=1)))
    return ops.cast(join_heads(ops.concatenate(outputs, axis=2)), dtype), ops.cast(kept, state_dtype)


def max_pool_with_indices(x, sizes, strides, dilations, sides, column_major=False):
    """The largest element of each window of a (batch, channel, *spatial) tensor, and its place in the whole tensor."""
    batch, *shape = x.shape
    order = list(range(x.ndim))
    order[2:] = order[:1:-1] if column_major else order[2:]
    size = math.prod(shape)
    places = ops.transpose(ops.reshape(ops.arange(size, dtype="int64"), (1, *(shape[i - 1] for i in order[1:]))), order)
    places = places + ops.reshape(ops.arange(batch, dtype="int64") * size, (-1, *(1 for _ in shape)))
    sides = [(0, 0), (0, 0), *sides]
    floating = "float" in ops.dtype(x)
    x = ops.pad(ops.cast(x, x.dtype if floating else "int32"), sides, constant_values=-float("inf") if floating else -(2**31))
    places = ops.pad(places, sides)
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations), start=2):
        last = (size - 1) * dilation
        cuts = [(slice(None),) * axis + (slice(i, i - last or None, stride),) for i in range(0, last + 1, dilation)]
        x, places = (ops.stack([t[cut] for cut in cuts], axis=-1) for t in (x, places))
    x, places = (ops.reshape(t, (*t.shape[: len(order)], -1)) for t in (x, places))
    best = ops.argmax(x, axis=-1, keepdims=True)
    return ops.max(x, axis=-1), ops.squeeze(ops.take_along_axis(places, best, axis=-1), -1)


def max_unpool(x, indices, sizes, full=None):
    """Each element where its index, counted in the whole tensor, tells; zeros elsewhere."""
    shape = (*x.shape[:2], *sizes)
    y = ops.zeros((math.prod(shape),), dtype=x.dtype)
    y = ops.reshape(ops.scatter_update(y, ops.reshape(indices, (-1, 1)), ops.reshape(x, (-1,))), shape)
    if full is not None:
        y = ops.pad(y, [(0, 0), (0, 0), *((0, b - a) for a, b in zip(sizes, full))])
    return y


def grouped_conv(x, kernel, groups, **options):
    """Convolution of each group of channels with its own part of the kernel."""
    parts = zip(ops.split(x, groups, axis=-1), ops.split(kernel, groups, axis=-1))
    return ops.concatenate([ops.conv(channels, part, **options) for channels, part in parts], axis=-1)


def mirrored_kernel(kernel, groups):
    """The kernel, (in, out / groups, *sizes), of a transposed convolution as that of a convolution."""
    inside, outside, *sizes = kernel.shape[0] // groups, *kernel.shape[1:]
    kernel = ops.reshape(kernel, (groups, inside, outside, *sizes))
    kernel = ops.flip(kernel, axis=tuple(range(3, kernel.ndim)))
    kernel = ops.transpose(kernel, (*range(3, kernel.ndim), 1, 0, 2))
    return ops.reshape(kernel, (*sizes, inside, groups * outside))


def along(x, values, axis=1, block=0):
    """Values that run along one axis of ``x``, or one for each block there, shaped to broadcast."""
    values = ops.convert_to_tensor(values)
    if all(size == 1 for size in values.shape):
        return ops.reshape(values, ())
    axis %= x.ndim
    if block:
        return ops.repeat(values, block, axis=axis)[(slice(None),) * axis + (slice(x.shape[axis]),)]
    return ops.reshape(values, [-1 if i == axis else 1 for i in range(x.ndim)]) if values.ndim == 1 else values


def quantize(x, scale, zero_point, dtype, axis=1, block=0, limits=None):
    """round(x / scale) + zero point, within the range of ``dtype`` or narrower ``limits``."""
    y = ops.round(x / along(x, scale, axis, block))
    if zero_point is not None:
        y = y + ops.cast(along(x, zero_point, axis, block), y.dtype)
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if limits is None else limits
    return ops.cast(ops.clip(y, low, high), dtype)


def dequantize(x, scale, zero_point=None, axis=1, block=0, dtype=None):
    """(x - zero point) * scale."""
    dtype = "float32" if dtype is None else dtype
    y = ops.cast(x, dtype)
    if zero_point is not None:
        y = y - ops.cast(along(x, zero_point, axis, block), dtype)
    return ops.cast(y * along(x, scale, axis, block), dtype)


def dynamic_quantize(x):
    """``x`` as uint8, with the scale and zero point that its range asks for."""
    low, high = ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0)
    scale = ops.where(high > low, (high - low) / 255, 1.0)
    zero_point = ops.cast(ops.clip(ops.round(-low / scale), 0, 255), "uint8")
    return quantize(x, scale, zero_point, "uint8"), scale, zero_point


def centered(x, zero_point=None, axis=1):
    """The integers less their zero point, in int32."""
    x = ops.cast(x, "int32")
    return x if zero_point is None else x - ops.cast(along(x, zero_point, axis), "int32")


def recurrent_outputs(results, backwards):
    """What a layer for each direction gives, directions on an axis of their own: behind time, and first of the states."""
    outputs = [ops.flip(y, axis=1) if back else y for (y, *_), back in zip(results, backwards)]
    states = zip(*(states for _, *states in results))
    return ops.stack(outputs, axis=2), *(ops.stack(state) for state in states)


def over_time(step, x, states, lengths=None, reverse=False):
    """A recurrent cell over the first axis: its outputs and last states; what lies beyond a sample's length is left out."""
    outputs = []
    for t in reversed(range(x.shape[0])) if reverse else range(x.shape[0]):
        new = step(x[t], *states)
        output = new[0]
        if lengths is not None:
            valid = ops.expand_dims(t < lengths, 1)
            output = ops.where(valid, output, ops.zeros_like(output))
            new = [ops.where(valid, state, old) for state, old in zip(new, states)]
        states = new
        outputs.append(output)
    return ops.stack(outputs[::-1] if reverse else outputs), *states


def recurrent(cell, x, w, r, b=None, lengths=None, states=(), direction="forward", batch_first=False, **options):
    """A cell in one direction or both, as ONNX stacks them: outputs (time, direction, batch, feature) and last states."""
    if batch_first:
        x, states = ops.swapaxes(x, 0, 1), [None if state is None else ops.swapaxes(state, 0, 1) for state in states]
    count, size = r.shape[0], r.shape[-1]
    activations = options.pop("activations", None)
    p = options.pop("p", None)
    results = []
    for i in range(count):
        functions = None if activations is None else activations[i * len(activations) // count :]
        bias = ops.zeros((2, w.shape[1])) if b is None else ops.reshape(b[i], (2, -1))
        more = {} if p is None else {"p": ops.split(p[i], 3)}
        step = cell(ops.transpose(w[i]), ops.transpose(r[i]), bias[0], bias[1], functions=functions, **options, **more)
        zeros = ops.repeat(ops.zeros_like(x[0, :, :1]), size, axis=1)
        first = [zeros if state is None else state[i] for state in states]
        results.append(over_time(step, x, first, lengths, reverse=direction == "reverse" or i == 1))
    y, *last = (ops.stack(parts) for parts in zip(*results))
    if batch_first:
        return ops.transpose(y, (2, 1, 0, 3)), *(ops.swapaxes(state, 0, 1) for state in last)
    return ops.swapaxes(y, 0, 1), *last


def lstm_cell(w, r, wb, rb, functions=None, clip=None, input_forget=False, p=(0, 0, 0)):
    """One step of an LSTM with the gates in ONNX' order: input, output, forget, cell."""
    f, g, h = functions or (ops.sigmoid, ops.tanh, ops.tanh)
    f, g = (clipped(function, clip) for function in (f, g))

    def step(x, hidden, cell):
        gates = ops.matmul(x, w) + ops.matmul(hidden, r) + wb + rb
        i, o, forget, c = ops.split(gates, 4, axis=-1)
        i = f(i + p[0] * cell)
        forget = 1 - i if input_forget else f(forget + p[2] * cell)
        cell = forget * cell + i * g(c)
        return f(o + p[1] * cell) * h(cell), cell

    return step


def dynamic_lstm_cell(w, r, wb, rb, **options):
    """One step of an LSTM whose state is rounded to 8 bits, by its own range, before it meets its weights."""
    step = lstm_cell(w, r, wb, rb, **options)
    return lambda x, hidden, cell: step(x, dequantize(*dynamic_quantize(hidden)), cell)


def gru_cell(w, r, wb, rb, functions=None, clip=None, linear_before_reset=False):
    """One step of a GRU with the gates in ONNX' order: update, reset, hidden."""
    f, g = (clipped(function, clip) for function in (functions or (ops.sigmoid, ops.tanh))[:2])
    size, rb = r.shape[0], ops.expand_dims(rb, 0)

    def step(x, hidden):
        inside = ops.matmul(x, w) + wb
        gates = ops.matmul(hidden, r[:, : 2 * size]) + rb[:, : 2 * size]
        z, reset = ops.split(f(inside[:, : 2 * size] + gates), 2, axis=-1)
        if linear_before_reset:
            past = reset * (ops.matmul(hidden, r[:, 2 * size :]) + rb[:, 2 * size :])
        else:
            past = ops.matmul(reset * hidden, r[:, 2 * size :]) + rb[:, 2 * size :]
        return ((1 - z) * g(inside[:, 2 * size :] + past) + z * hidden,)

    return step


def rnn_cell(w, r, wb, rb, functions=None, clip=None):
    """One step of a simple recurrent network."""
    f = clipped((functions or (ops.tanh,))[0], clip)
    return lambda x, hidden: (f(ops.matmul(x, w) + ops.matmul(hidden, r) + wb + rb),)


def clipped(function, limit):
    """The function of its input kept within -limit and limit."""
    return function if limit is None else lambda x: function(ops.clip(x, -limit, limit))


def cosine_window(size, coefficients, periodic):
    """c0 - c1 cos(t) + c2 cos(2t) over one period."""
    size = int(ops.convert_to_numpy(size))
    t = 2 * np.pi * np.arange(size) / (size if periodic else size - 1)
    window = sum((-1) ** i * c * np.cos(i * t) for i, c in enumerate(coefficients))
    return ops.convert_to_tensor(window.astype("float32"))


def dft(x, length=None, axis=None, inverse=False, onesided=False):
    """The Fourier transform along ``axis`` of real numbers or of pairs, which stand on the last axis."""
    axis = (-2 if axis is None else int(ops.convert_to_numpy(axis))) % x.ndim
    half = inverse and onesided
    size = 2 * (x.shape[axis] - 1) if half else x.shape[axis]
    size = size if length is None else int(ops.convert_to_numpy(length))
    dtype, x = x.dtype, ops.moveaxis(ops.cast(x, "float64"), axis, -2)
    wanted = size // 2 + 1 if half else size
    x = x[..., :wanted, :]
    x = ops.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, wanted - x.shape[-2]), (0, 0)])
    real, imaginary = x[..., 0], (x[..., 1] if x.shape[-1] == 2 else ops.zeros_like(x[..., 0]))
    if half:
        parts = [ops.irfft((real, imaginary), fft_length=size)]
    elif inverse:
        real, imaginary = ops.fft((real, -imaginary))
        parts = [real / size, -imaginary / size]
    else:
        parts = [part[..., : size // 2 + 1] if onesided else part for part in ops.fft((real, imaginary))]
    return ops.cast(ops.moveaxis(ops.stack(parts, axis=-1), -2, axis), dtype)


def stft(signal, step, window=None, length=None, onesided=True):
    """Fourier transforms of overlapping frames, each times a window."""
    step = int(ops.convert_to_numpy(step))
    length = window.shape[0] if length is None else int(ops.convert_to_numpy(length))
    count = (signal.shape[1] - length) // step + 1
    frames = ops.stack([signal[:, i * step : i * step + length] for i in range(count)], axis=1)
    if window is not None:
        frames = frames * ops.expand_dims(window, -1)
    return dft(frames, onesided=onesided)


def mel_weights(bins, dft_length, sample_rate, low, high):
    """Triangular filters over the spectrum, evenly spaced on the mel scale: (frequency, filter)."""
    given = (bins, dft_length, sample_rate, low, high)
    bins, dft_length, sample_rate, low, high = (ops.convert_to_numpy(x).item() for x in given)
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (low, high))
    mel = np.arange(bins + 2) * ((high - low) / (bins + 2)) + low
    edges = ((dft_length + 1) * (700 * (10 ** (mel / 2595) - 1)) // sample_rate).astype(int)
    place = np.arange(dft_length // 2 + 1)[:, None]
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = np.where(center > lower, (place - lower) / np.maximum(center - lower, 1), 1.0 * (place == center))
    falling = (upper - place) / np.maximum(upper - center, 1)
    weights = np.where((place >= lower) & (place <= center), rising, 0)
    weights = np.where((place >= center) & (place < upper), falling, weights)
    return ops.convert_to_tensor(weights.astype("float32"))


def non_max_suppression(boxes, scores, count=None, overlap=None, least=None, center=False):
    """Rows (sample, class, box), best first, without boxes that overlap a better one of their class."""
    boxes, scores = ops.convert_to_numpy(boxes), ops.convert_to_numpy(scores)
    count, overlap = (0 if x is None else ops.convert_to_numpy(x).item() for x in (count, overlap))
    least = -np.inf if least is None else ops.convert_to_numpy(least).item()
    if center:
        boxes = np.concatenate([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], axis=-1)
    low, high = np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])
    areas, kept = np.prod(high - low, axis=-1), []
    for sample, kind in np.ndindex(*scores.shape[:2]):
        a, b, area = low[sample], high[sample], areas[sample]
        order = np.argsort(-scores[sample, kind], kind="stable")
        order = order[scores[sample, kind][order] > least]
        chosen = []
        while len(order) and len(chosen) < count:
            best, order = order[0], order[1:]
            chosen.append((sample, kind, best))
            inside = np.prod(np.maximum(np.minimum(b[best], b[order]) - np.maximum(a[best], a[order]), 0), axis=-1)
            order = order[inside <= overlap * (area[best] + area[order] - inside)]
        kept += chosen
    return ops.convert_to_tensor(np.array(kept, "int64").reshape(-1, 3))


def bilinear(x, y_places, x_places, border, combine=ops.sum):
    """Values of images (n, channel, height, width) between their pixels, at places (n, *any).

    The shares of the four pixels around a place are combined, by default to their sum. Beyond ``border`` pixels outside the
    image there are zeros; with a border of 1 the edge pixels reach that far.
    """
    _, channels, height, width = x.shape
    flat = ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (-1, height * width, channels))
    shape = y_places.shape[1:]
    y_places, x_places = (ops.reshape(places, (-1, math.prod(shape))) for places in (y_places, x_places))
    inside = ops.logical_and(
        ops.abs(y_places - (height - 1) / 2) <= (height - 1) / 2 + border,
        ops.abs(x_places - (width - 1) / 2) <= (width - 1) / 2 + border,
    )
    if border:
        y_places, x_places = ops.clip(y_places, 0, height - 1), ops.clip(x_places, 0, width - 1)
    shares = []
    for down, right in itertools.product((0, 1), repeat=2):
        row, column = ops.floor(y_places) + down, ops.floor(x_places) + right
        share = (1 - ops.abs(y_places - row)) * (1 - ops.abs(x_places - column))
        near_row, near_column = ops.clip(row, 0, height - 1), ops.clip(column, 0, width - 1)
        valid = ops.logical_and(ops.equal(row, near_row), ops.equal(column, near_column))
        place = ops.cast(near_row * width + near_column, "int32")
        picked = ops.take_along_axis(flat, ops.expand_dims(place, -1), axis=1)
        shares.append(picked * ops.expand_dims(share * ops.cast(valid, x.dtype), -1))
    y = combine(ops.stack(shares), axis=0) * ops.expand_dims(ops.cast(inside, x.dtype), -1)
    return ops.reshape(ops.swapaxes(y, 1, 2), (-1, channels, *shape))


def roi_align(x, rois, batch, size=(1, 1), ratio=0, scale=1.0, half_pixel=True, maximum=False):
    """Averages of bilinear samples on a grid in each region (x1, y1, x2, y2), or the largest share of a pixel in them."""
    if not ratio:  # as many samples as pixels, which differs between regions: these run one by one
        options = {"size": size, "scale": scale, "half_pixel": half_pixel, "maximum": maximum}
        steps = ops.convert_to_numpy((rois[:, 2:] - rois[:, :2]) * scale)
        steps = np.ceil((steps if half_pixel else np.maximum(steps, 1)) / size[::-1]).astype(int)
        parts = [roi_align(x, rois[i : i + 1], batch[i : i + 1], ratio=tuple(n[::-1]), **options) for i, n in enumerate(steps)]
        return ops.concatenate(parts)
    ratio = (ratio, ratio) if isinstance(ratio, int) else ratio
    rois, places = rois * scale - (0.5 if half_pixel else 0), []
    for axis, count, samples in ((1, size[0], ratio[0]), (0, size[1], ratio[1])):
        start, length = rois[:, axis : axis + 1], rois[:, axis + 2 : axis + 3] - rois[:, axis : axis + 1]
        length = length if half_pixel else ops.maximum(length, 1.0)
        inner = np.arange(count)[:, None] + (np.arange(samples) + 0.5) / samples
        places.append(start + length / count * ops.convert_to_tensor(inner.reshape(1, -1), x.dtype))
    rows, columns = ops.expand_dims(places[0], 2), ops.expand_dims(places[1], 1)
    rows, columns = rows + ops.zeros_like(columns), columns + ops.zeros_like(rows)
    values = bilinear(ops.take(x, batch, axis=0), rows, columns, 1, ops.max if maximum else ops.sum)
    values = ops.reshape(values, (-1, x.shape[1], size[0], ratio[0], size[1], ratio[1]))
    return ops.max(values, axis=(3, 5)) if maximum else ops.mean(values, axis=(3, 5))


def max_roi_pool(x, rois, size, scale=1.0):
    """The largest element of each cell of the regions (sample, x1, y1, x2, y2); an empty cell gives zero."""
    x = ops.convert_to_numpy(x)
    y = np.zeros((rois.shape[0], x.shape[1], *size), x.dtype)
    for i, (sample, *box) in enumerate(ops.convert_to_numpy(rois).tolist()):
        x1, y1, x2, y2 = (math.floor(edge * scale + 0.5) for edge in box)
        for row, column in np.ndindex(*size):
            cuts = []
            for start, end, cell, count, limit in ((y1, y2, row, size[0], x.shape[2]), (x1, x2, column, size[1], x.shape[3])):
                step = max(end - start + 1, 1) / count
                edges = start + math.floor(cell * step), start + math.ceil((cell + 1) * step)
                cuts.append(slice(*(min(max(edge, 0), limit) for edge in edges)))
            y[i, :, row, column] = x[int(sample), :, cuts[0], cuts[1]].max(axis=(1, 2), initial=-np.inf)
    return ops.convert_to_tensor(np.where(np.isneginf(y), 0, y).astype(x.dtype))


def blocks_to_image(x, image, block, strides, dilations, sides):
    """Sums of overlapping blocks, one a column of (batch, channel * block, place)."""
    image, block = (tuple(ops.convert_to_numpy(sizes).tolist()) for sizes in (image, block))
    padded = [size + sum(side) for size, side in zip(image, sides)]
    places = np.zeros((1, 1), int)
    for size, k, stride, dilation in zip(padded, block, strides, dilations):
        count = (size - (k - 1) * dilation - 1) // stride + 1
        along = np.arange(k)[:, None] * dilation + np.arange(count) * stride
        places = (places[:, None, :, None] * size + along[None, :, None]).reshape(len(places) * k, -1)
    channels = x.shape[1] // math.prod(block)
    x = ops.reshape(x, (-1, places.size))
    y = ops.segment_sum(ops.transpose(x), places.reshape(-1), math.prod(padded))
    y = ops.reshape(ops.transpose(y), (-1, channels, *padded))
    return y[(slice(None), slice(None), *(slice(begin, begin + size) for size, (begin, _) in zip(image, sides)))]


def deformable_convolution(x, w, offset, bias, mask, strides, dilations, sides, groups=1, offset_groups=1):
    """A convolution that reads each element where ``offset`` moves it, between the pixels, times ``mask``."""
    kernel, sizes, channels = w.shape[2:], offset.shape[2:], x.shape[1]
    offset = ops.reshape(offset, (-1, *kernel, 2, *sizes))
    grid = []
    for axis in (0, 1):
        place = np.arange(sizes[axis]) * strides[axis] - sides[axis][0] + np.arange(kernel[axis])[:, None] * dilations[axis]
        place = place[:, None, :, None] if axis == 0 else place[None, :, None, :]
        grid.append(offset[:, :, :, axis] + ops.convert_to_tensor(place, x.dtype))
    values = bilinear(ops.reshape(x, (-1, channels // offset_groups, *x.shape[2:])), *grid, 0)
    if mask is not None:
        values = values * ops.reshape(mask, (-1, 1, *kernel, *sizes))
    values = ops.reshape(values, (-1, groups, channels // groups, *kernel, *sizes))
    w = ops.reshape(w, (groups, w.shape[0] // groups, *w.shape[1:]))
    y = ops.reshape(ops.einsum("ngcijhw,gocij->ngohw", values, w), (-1, w.shape[0] * w.shape[1], *sizes))
    return y if bias is None else y + ops.reshape(bias, (-1, 1, 1))


def map_labels(x, keys, values, default):
    """The value at each element's key, ``default`` where it has none."""
    x = ops.expand_dims(x, -1)
    found = ops.equal(x, keys)
    if "float" in ops.dtype(x):
        found = ops.logical_or(found, ops.logical_and(ops.isnan(x), ops.isnan(keys)))
    picked = ops.take(values, ops.argmax(ops.cast(found, "int32"), axis=-1), axis=0)
    return ops.where(ops.any(found, axis=-1), picked, ops.cast(default, values.dtype))


def leaves(x, roots, feature, split, yes, no, missing=None, depth=1):
    """The leaf that each sample reaches in each tree; a leaf is its own child."""
    node = roots + ops.zeros_like(x[:, :1], dtype=roots.dtype)
    for _ in range(depth):
        value = ops.take_along_axis(x, ops.take(feature, node, axis=0), axis=1)
        goes = value <= ops.take(split, node, axis=0)
        if missing is not None:
            goes = ops.logical_or(goes, ops.logical_and(ops.isnan(value), ops.take(missing, node, axis=0)))
        node = ops.where(goes, ops.take(yes, node, axis=0), ops.take(no, node, axis=0))
    return node


def average_pool(x, size, strides, sides):
    """Average over the elements inside ``x``: padding (``sides`` of each spatial axis) is not counted."""
    sides = [(0, 0), *sides, (0, 0)]
    total = ops.average_pool(ops.pad(x, sides), size, strides)
    return total / ops.average_pool(ops.pad(ops.ones_like(x), sides), size, strides)


def average_pool_same(x, size, strides, padding_counts=False):
    """Average over windows that give ceil(size / stride) results, whatever the size of ``x``."""
    ones = ops.ones((*size, x.shape[-1], 1), x.dtype)
    total = ops.depthwise_conv(x, ones, strides, "same")
    return total / (math.prod(size) if padding_counts else ops.depthwise_conv(ops.ones_like(x), ones, strides, "same"))


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


def numbers(x):
    """A tensor's numbers as Python numbers; None stays None."""
    if x is None or not hasattr(x, "dtype"):
        return x
    x = ops.cast(x, "float32") if ops.dtype(x) == "bfloat16" else x  # which NumPy lacks
    return ops.convert_to_numpy(x).tolist()


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


def top_k(x, k, axis, largest):
    """The ``k`` largest or smallest elements in order and where they are; of equal ones the first."""
    key = x if not largest else ops.bitwise_not(x) if "int" in str(x.dtype) else -x
    order = ops.take(ops.argsort(key, axis=axis), list(range(k)), axis=axis)
    return ops.take_along_axis(x, order, axis=axis), ops.cast(order, "int64")


def sliced(x, starts, ends, axes=None, steps=None):
    """Slices that are computed. A negative step walks from the end."""
    starts, ends, axes, steps = map(numbers, (starts, ends, axes, steps))
    axes, steps = axes or range(len(starts)), steps or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        start = max(start, -x.shape[axis]) if step < 0 else start
        places = list(range(x.shape[axis])[start:end:step])
        x = ops.take(x, ops.convert_to_tensor(places, "int32"), axis=axis)
    return x


def gather_elements(x, indices, axis):
    """The elements of ``x`` at ``indices`` along an axis, and of other axes as many places as ``indices`` has."""
    parts = [slice(None) if i == axis % x.ndim else slice(size) for i, size in enumerate(ops.shape(indices))]
    return ops.take_along_axis(x[tuple(parts)], indices, axis=axis)


def gather_nd(x, indices, batch_dims):
    """Slices of ``x`` at the places that the last axis of ``indices`` tells, batch by batch."""
    shape, depth = ops.shape(x), indices.shape[-1]
    sizes, rest = shape[batch_dims : batch_dims + depth], shape[batch_dims + depth :]
    batch = math.prod(shape[:batch_dims])
    steps = [math.prod(sizes[i + 1 :]) for i in range(depth)]
    places = sum(ops.multiply(ops.mod(indices[..., i], sizes[i]), steps[i]) for i in range(depth))
    first = ops.multiply(ops.arange(batch, dtype=places.dtype), math.prod(sizes))
    places = ops.reshape(places, (batch, -1)) + ops.expand_dims(first, 1)
    flat = ops.take(ops.reshape(x, (-1, *rest)), ops.reshape(places, (-1,)), axis=0)
    return ops.reshape(flat, (*ops.shape(indices)[:-1], *rest))


def scatter_elements(x, indices, updates, axis, reduction):
    """``x`` with each of ``updates`` put, or combined, at its index along ``axis``."""
    places = list(ops.meshgrid(*[ops.arange(size, dtype=indices.dtype) for size in ops.shape(indices)], indexing="ij"))
    places[axis] = ops.mod(indices, ops.shape(x)[axis])
    places = ops.reshape(ops.stack(places, axis=-1), (-1, len(places)))
    return ops.scatter_update(x, places, ops.reshape(updates, (-1,)), reduction=reduction)


def one_hot(indices, depth, values, axis):
    """``values[1]`` at each index along a new axis, ``values[0]`` elsewhere."""
    places = ops.reshape(ops.arange(depth, dtype=indices.dtype), (-1, *[1] * (len(indices.shape) - axis)))
    indices = ops.where(indices < 0, indices + depth, indices)
    return ops.where(ops.equal(places, ops.expand_dims(indices, axis)), values[1], values[0])


def nonzero(x):
    """The places of what is not zero, a column each."""
    return ops.cast(ops.stack(ops.nonzero(x)), "int64")


def unique(x, axis, sorted):
    """The distinct elements (or slices along ``axis``), where each is first, the inverse and the counts."""
    x = ops.convert_to_numpy(x)
    values, first, inverse, counts = np.unique(x, True, True, True, axis=axis)
    if not sorted:
        order = np.argsort(first)
        values, first, counts = np.take(values, order, axis=axis or 0), first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    return tuple(ops.convert_to_tensor(part) for part in (values, first, inverse.reshape(-1), counts))


def compress(x, condition, axis):
    """What stands where ``condition`` holds."""
    places = ops.convert_to_tensor(np.flatnonzero(ops.convert_to_numpy(condition)), "int32")
    return ops.take(ops.reshape(x, (-1,)) if axis is None else x, places, axis=axis or 0)


def reverse_sequence(x, lengths, time_axis, batch_axis):
    """The first ``lengths[i]`` steps of each sequence in reverse order."""
    steps = ops.arange(ops.shape(x)[time_axis], dtype=lengths.dtype)
    lengths = ops.expand_dims(lengths, 1)
    order = ops.where(ops.less(steps, lengths), lengths - 1 - steps, steps)
    order = order if batch_axis < time_axis else ops.transpose(order)
    order = ops.reshape(order, (*ops.shape(order), *[1] * (len(x.shape) - 2)))
    return ops.take_along_axis(x, ops.broadcast_to(order, ops.shape(x)), axis=time_axis)


def shifted(shift, x, bits, width):
    """A shift by any number of bits: by ``width`` or more nothing is left but the sign of what goes right."""
    wide = ops.logical_or(bits < 0, ops.greater_equal(bits, ops.cast(width, bits.dtype)))
    y = shift(x, ops.where(wide, ops.cast(width - 1, bits.dtype), bits))
    return ops.where(wide, shift(y, ops.ones_like(bits)), y)


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


def padded_by(x, pads, mode, fill=0, axes=None):
    """``padded`` by amounts that are computed: all beginnings, then all ends."""
    pads, axes = numbers(pads), numbers(axes) or range(len(x.shape))
    sides = [(0, 0)] * len(x.shape)
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :]):
        sides[axis] = begin, end
    return padded(x, sides, mode, fill)


def triangle(x, k, upper):
    """The upper or lower triangle from a diagonal that is computed."""
    k = max(-x.shape[-2], min(int(numbers(k)), x.shape[-1]))
    return ops.triu(x, k) if upper else ops.tril(x, k)


def count(start, limit, delta, dtype):
    """The numbers from ``start`` on, by ``delta``, that come before ``limit``."""
    return ops.convert_to_tensor(np.arange(*map(numbers, (start, limit, delta))), dtype)


def shape_of(x, start, end):
    """The sizes of some axes as a tensor."""
    return ops.convert_to_tensor(ops.shape(x)[start:end], "int64")


def size_of(x):
    """The number of elements as a tensor."""
    return ops.convert_to_tensor(math.prod(x.shape), "int64")


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


def grid_sample(x, grid, mode, padding_mode, align_corners):
    """``x`` (batch, channel, *spatial) at the places that ``grid`` tells: x, y (and z) between -1 and 1."""
    (batch, channels, *sizes), places = ops.shape(x), []
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
        index = ops.reshape(index, (batch, 1, -1))
        flat = ops.reshape(x, (batch, channels, -1))
        found = ops.take_along_axis(flat, ops.broadcast_to(index, (batch, channels, ops.shape(index)[-1])), axis=2)
        total += found * ops.reshape(ops.cast(valid, x.dtype) * weight, (batch, 1, -1))
    return ops.reshape(total, (batch, channels, *ops.shape(grid)[1:-1]))


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


def expanded(x, shape):
    """``x`` broadcast to a shape that is computed."""
    return ops.broadcast_to(x, np.broadcast_shapes(tuple(x.shape), tuple(numbers(shape))))


def by_kind(step, tensors, kinds):
    """``step`` on each set of tensors, which stand kind by kind; its results kind by kind as well."""
    count = len(tensors) // kinds
    results = [step(*tensors[i::count]) for i in range(count)]
    return tuple(result for kind in zip(*results) for result in kind)


def adagrad_step(rate, count, tensors, norm_coefficient, decay_factor, epsilon):
    """New weights and sums of squared gradients."""
    rate = rate / (1 + ops.cast(count, "float32") * decay_factor)

    def step(x, gradient, squares):
        gradient = norm_coefficient * x + gradient
        squares = squares + gradient * gradient
        return x - rate * gradient / (ops.sqrt(squares) + epsilon), squares

    return by_kind(step, tensors, 3)


def adam_step(rate, count, tensors, alpha, beta, epsilon, norm_coefficient, norm_coefficient_post):
    """New weights, running gradients and running squares of gradients."""
    count = ops.cast(count, "float32")
    rate = ops.where(count > 0, rate * ops.sqrt(1 - beta**count) / (1 - alpha**count), rate)

    def step(x, gradient, average, squares):
        gradient = norm_coefficient * x + gradient
        average = alpha * average + (1 - alpha) * gradient
        squares = beta * squares + (1 - beta) * gradient * gradient
        x = x - rate * average / (ops.sqrt(squares) + epsilon)
        return (1 - norm_coefficient_post) * x, average, squares

    return by_kind(step, tensors, 4)


def momentum_step(rate, count, tensors, alpha, beta, norm_coefficient, nesterov):
    """New weights and momenta; the first step takes the gradient whole."""
    beta = ops.where(count > 0, beta, 1.0)

    def step(x, gradient, momentum):
        gradient = norm_coefficient * x + gradient
        momentum = alpha * momentum + beta * gradient
        return x - rate * (gradient + alpha * momentum if nesterov else momentum), momentum

    return by_kind(step, tensors, 3)


@keras.saving.register_keras_serializable()
class Random(layers.Layer):
    """New random numbers at each call: standard ones in the shape of its input, or classes drawn by their log odds."""

    def __init__(self, distribution, num_samples=None, dtype="float32", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.distribution, self.num_samples, self.result = distribution, num_samples, dtype
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, x):
        draw = getattr(keras.random, self.distribution)
        what = (ops.shape(x),) if self.num_samples is None else (x, self.num_samples)
        return draw(*what, dtype=self.result, seed=self.seed_generator)


def dropped(x, numbers, ratio=0.5, training=True):
    """Dropout where the network itself says whether it trains, by random numbers: the result, and which elements are kept."""
    ratio = ops.where(training, ratio, 0.0)
    kept = numbers >= ratio
    return ops.where(kept, x / (1 - ratio), 0), kept


def count_ngrams(x, grams, columns, size, skips):
    """How often each n-gram stands in each row, its elements side by side or up to ``skips`` places apart."""
    counts = [ops.zeros_like(ops.sum(x, axis=-1), dtype="float32")] * size
    for same, places in zip(grams, columns):
        last = len(same[0]) - 1
        for step in range(1, skips + 2 if last else 2):
            stop = max(x.shape[-1] - last * step, 0)
            windows = ops.stack([x[..., i * step : i * step + stop] for i in range(last + 1)], axis=-1)
            for gram, place in zip(same, places):
                found = ops.all(ops.equal(windows, ops.convert_to_tensor(gram, x.dtype)), axis=-1)
                counts[place] = counts[place] + ops.sum(ops.cast(found, "float32"), axis=-1)
    return ops.stack(counts, axis=-1)


def middle(x, sizes, axes=None):
    """The middle of ``x`` in other sizes, zeros around it where they are larger; the smaller half comes first."""
    sides = [(0, 0)] * x.ndim
    for axis, size in zip(range(len(sizes)) if axes is None else axes, sizes):
        more = size - x.shape[axis]
        begin = more // 2 if more > 0 else -(-more // 2)
        sides[axis] = begin, more - begin
    return padded(x, sides, "constant", 0)


def depth_to_space(x, block, channels_first=False):
    """Channels as blocks of an image, the channel before the place in the block, or after it."""
    batch, channels, height, width = ops.shape(x)
    split = (-1, block, block) if channels_first else (block, block, -1)
    x = ops.reshape(x, (batch, *split, height, width))
    x = ops.transpose(x, (0, 1, 4, 2, 5, 3) if channels_first else (0, 3, 4, 1, 5, 2))
    return ops.reshape(x, (batch, channels // block**2, height * block, width * block))


def space_to_depth(x, block, channels_first=False):
    """Blocks of an image as channels, the channel before the place in the block, or after it."""
    batch, channels, height, width = ops.shape(x)
    x = ops.reshape(x, (batch, channels, height // block, block, width // block, block))
    x = ops.transpose(x, (0, 1, 3, 5, 2, 4) if channels_first else (0, 3, 5, 1, 2, 4))
    return ops.reshape(x, (batch, channels * block**2, height // block, width // block))


def stacked(parts, axis, sizes, dtype):
    """What the rounds of a loop gave, on an axis of their own; an empty tensor where there was no round."""
    return ops.stack(parts, axis) if parts else ops.zeros((*sizes[:axis], 0, *sizes[axis + 1 :]), dtype=dtype)


def parts_of(x, sizes, axis, keep=True):
    """Parts along an axis, of one size but for the last one, or of a list of sizes; with or without the axis."""
    if not keep:
        return ops.unstack(x, axis=axis)
    sizes = [sizes] * -(-x.shape[axis] // sizes) if isinstance(sizes, int) else sizes
    return ops.split(x, list(itertools.accumulate(sizes))[:-1], axis=axis)


def softmax_of_others(x):
    """The softmax in which numbers next to zero stay what they are in proportion."""
    top = ops.max(x, axis=-1, keepdims=True)
    powers = ops.where(ops.abs(x) > 1e-7, ops.exp(x - top), 0.0)
    total = ops.sum(powers, axis=-1, keepdims=True)
    return ops.where(ops.abs(x) > 1e-7, powers, x * ops.exp(-top)) / total


def ordered(x):
    """uint64 numbers as int64 numbers in the same order."""
    return ops.cast(x, "int64") + ops.convert_to_tensor(np.int64(-(2**63)))


def unordered(x):
    """The uint64 numbers that ``ordered`` was given."""
    return ops.cast(x + ops.convert_to_tensor(np.int64(-(2**63))), "uint64")


def window_partition(x, size):
    """(batch, height, width, channels) as (batch * windows, size, size, channels)."""
    height, width, channels = x.shape[1:]
    x = ops.reshape(x, (-1, height // size, size, width // size, size, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, size, size, channels))


def window_reverse(windows, size, height, width):
    """(batch * windows, ..., channels) put back as (batch, height, width, channels)."""
    shape = (-1, height // size, width // size, size, size, windows.shape[-1])
    x = ops.transpose(ops.reshape(windows, shape), (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, height, width, windows.shape[-1]))


def channel_shuffle(x, groups):
    """The channels of all groups in turn: the first of each, the second of each, and so on."""
    *size, channels = ops.shape(x)[1:]
    x = ops.reshape(x, (-1, *size, groups, channels // groups))
    return ops.reshape(ops.swapaxes(x, -2, -1), (-1, *size, channels))
