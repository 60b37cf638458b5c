"""Convolution and transposed convolution."""

from __future__ import annotations

import numpy as np

from converter.emitters.layout import spatial
from converter.emitters.site import short
from converter.emitters.vocabulary import Expression, Layer
from converter.operators.padding_layers import keras_pad, torch_pad, torch_pad_same
from converter.operators.registry import operator
from converter.padding import Padding, effective_kernel


def _unresolved(node, target):
    if node["kernel_shape"] is None and not (node.op_type == "Conv" and node["pads"] is not None):
        return "the size of its kernel is not known when converting"
    known = node["pads"] is not None or (node.op_type == "Conv" and (target == "pytorch" or _same_in_keras(node)))
    return None if known else f"auto_pad={node['auto_pad']} with an input size that is not known; export with fixed sizes"


def _same_in_keras(node) -> bool:
    """Whether Keras pads so at run time. It subsamples a dilated convolution, padded as for stride 1: other sides."""
    return node["auto_pad"] == "SAME_UPPER" and (set(node["strides"]) == {1} or set(node["dilations"]) == {1})


def _held(n) -> bool:
    """Whether kernel and bias are weights of the file; else they are computed, and a function takes them."""
    return n.weight("W") is not None and (n.B is None or n.weight("B") is not None)


@operator("Conv")
class Conv:
    """Weights: ONNX and PyTorch (out, in / groups, *kernel); Keras (*kernel, in / groups, out)."""

    layout = spatial
    restrict = _unresolved
    restrictions = "Keras: auto_pad=SAME_LOWER, or SAME with a dilation, with stride above 1 needs fixed sizes"

    def pytorch(n):
        pads = n.node["pads"]
        x = torch_pad_same(n) if pads is None else n.X if pads.is_symmetric else torch_pad(n, n.X, pads)
        padding = "same" if n.is_same else pads.shortest if pads is not None and pads.is_symmetric else 0
        options = {"stride": n.strides, "padding": padding, "dilation": n.dilations, "groups": n.group}
        if not _held(n):
            return _function(n, x, n.W, options)
        w, b = n.weight("W"), n.weight("B")
        return Layer(
            f"nn.Conv{n.rank}d", w.shape[1] * n.group, w.shape[0], n.kernel_shape, **options, bias=b is not None,
            weights={"weight": w, "bias": b},
        )(x)  # fmt: skip

    def keras(n):
        pads = n.node["pads"]
        axes = range(2, n.rank + 2)
        same = pads is None or n.is_same
        x = n.X if same else keras_pad(n, n.X, pads)
        subsample = _strided_and_dilated(n)
        options = {
            "strides": 1 if subsample else n.strides, "padding": "same" if same else "valid", "dilation_rate": n.dilations,
        }  # fmt: skip
        if not _held(n):
            kernel = n.expr("ops.transpose(W, axes)", axes=(*axes, 1, 0))
            y = _function(n, x, kernel, options)
        else:
            y = _keras_layer(n, options)(x)
        return n.expr("every(y, strides)", y=y, strides=n.node["strides"]) if subsample else y


def _keras_layer(n, options):
    w, b = n.weight("W"), n.weight("B")
    axes = range(2, n.rank + 2)
    options["use_bias"] = b is not None
    if _is_depthwise(n):
        multiplier = w.shape[0] // n.group
        kernel = w.reshape(n.group, multiplier, *w.shape[2:]).transpose(*axes, 0, 1)
        constructor = f"layers.DepthwiseConv{n.rank}D"
        weights = {"kernel": kernel, "bias": b}
        return Layer(constructor, n.kernel_shape, depth_multiplier=multiplier, **options, weights=weights)
    weights = {"kernel": w.transpose(*axes, 1, 0), "bias": b}
    return Layer(f"layers.Conv{n.rank}D", w.shape[0], n.kernel_shape, groups=n.group, **options, weights=weights)


def _function(n, x, kernel, options):
    """The convolution whose kernel and bias the network computes: the bias inside in PyTorch, added in Keras."""
    named = ", ".join(f"{option}={option}" for option in options)
    if n.framework == "keras":
        n.needs_sizes(n.W)
        call = "grouped_conv(x, kernel, group, " if n.group > 1 else "ops.conv(x, kernel, "
        y = n.expr(f"{call}{named})", x=x, kernel=kernel, **options)
        return y if n.B is None else n.expr("y + B", y=y)
    name = f"F.conv{'' if n.node.op_type == 'Conv' else '_transpose'}{n.rank}d"
    bias = "" if n.B is None else "B, "
    return n.expr(f"{name}(x, kernel, {bias}{named})", x=x, kernel=kernel, **options)


def _is_depthwise(n) -> bool:
    """Whether each group is one channel; Keras has the layer in 1-D and 2-D, TensorFlow wants equal strides."""
    return n.group == n.channels != 1 and n.rank < 3 and isinstance(n.strides, int)


def _strided_and_dilated(n) -> bool:
    """Keras refuses strides and dilation together: such a convolution runs at stride 1 and is subsampled."""
    return any(s > 1 for s in n.node["strides"]) and any(d > 1 for d in n.node["dilations"])


@operator("ConvTranspose")
class ConvTranspose:
    """Weights: ONNX and PyTorch (in, out / groups, *kernel); Keras (*kernel, out, in).

    The padding crops the full result, of size (input - 1) * stride + effective kernel; ``output_padding`` crops that much
    less at the end. Source: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
    """

    layout = spatial
    restrict = _unresolved

    def pytorch(n):
        crop = _crop(n)
        output_padding = tuple(begin - end for begin, end in zip(crop.begin, crop.end, strict=True))
        limits = [max(s, d) for s, d in zip(n.node["strides"], n.node["dilations"], strict=True)]
        native = all(b >= 0 <= o < limit for b, o, limit in zip(crop.begin, output_padding, limits, strict=True))
        padding = crop.begin if native else (0,) * n.rank
        if not native:
            output_padding = tuple(max(-end, 0) for end in crop.end)
            crop = Padding(crop.begin, tuple(max(end, 0) for end in crop.end))
        options = {
            "stride": n.strides, "padding": short(padding), "output_padding": short(output_padding), "groups": n.group,
            "dilation": n.dilations,
        }  # fmt: skip
        if _held(n):
            w, b = n.weight("W"), n.weight("B")
            y = Layer(
                f"nn.ConvTranspose{n.rank}d", w.shape[0], w.shape[1] * n.group, n.kernel_shape, **options,
                bias=b is not None, weights={"weight": w, "bias": b},
            )(n.X)  # fmt: skip
        else:
            y = _function(n, n.X, n.W, options)
        return y if native else torch_pad(n, y, -crop)

    def keras(n):
        strides, dilations, crop = n.node["strides"], n.node["dilations"], _crop(n)
        spans = [effective_kernel(k, d) for k, d in zip(n.node["kernel_shape"], dilations, strict=True)]
        extra = [max(stride - span, 0) for stride, span in zip(strides, spans, strict=True)]  # Keras' result is longer
        shorter = crop + Padding((0,) * n.rank, tuple(extra))
        if n.group == 1 and n.dilations == 1 and min(*shorter.begin, *shorter.end) >= 0 and _held(n):
            w, b = n.weight("W"), n.weight("B")
            kernel = w.transpose(*range(2, n.rank + 2), 1, 0)
            y: Expression = Layer(
                f"layers.Conv{n.rank}DTranspose", w.shape[1], n.kernel_shape, strides=n.strides, use_bias=b is not None,
                weights={"kernel": kernel, "bias": b},
            )(n.X)  # fmt: skip
            return keras_pad(n, y, -shorter)
        # Groups and dilation: a transposed convolution is a convolution of the spread input with the mirrored kernel.
        around = Padding(
            tuple(span - 1 - begin for span, begin in zip(spans, crop.begin, strict=True)),
            tuple(span - 1 - end for span, end in zip(spans, crop.end, strict=True)),
        )
        if n.strides != 1:
            n.needs_sizes(n.X, axes=range(1, n.rank + 2))
        x = n.X if n.strides == 1 else n.expr("spread(X, strides)", strides=strides)
        x = keras_pad(n, x, around)
        if not _held(n):
            kernel = n.expr("mirrored_kernel(W, group)")
            return _function(n, x, kernel, {"padding": "valid", "dilation_rate": n.dilations})
        kernel, b = _mirrored(n.weight("W"), n.group), n.weight("B")
        return Layer(
            f"layers.Conv{n.rank}D", kernel.shape[-1], n.kernel_shape, dilation_rate=n.dilations, groups=n.group,
            use_bias=b is not None, weights={"kernel": kernel, "bias": b},
        )(x)  # fmt: skip


def _mirrored(w, groups):
    """(in, out / groups, *kernel) as (*kernel, in / groups, out), each kernel mirrored."""
    inside, outside, *kernel = w.shape[0] // groups, *w.shape[1:]
    split = (groups, inside, outside, *kernel)
    flipped = w.reshape(*split).map(lambda array: np.flip(array, range(3, array.ndim)), split)
    return flipped.transpose(*range(3, len(split)), 1, 0, 2).reshape(*kernel, inside, groups * outside)


def _crop(n) -> Padding:
    """What is cut off the full result; a negative end lengthens it."""
    pads, output_padding = n.padding, n.node["output_padding"] or (0,) * n.rank
    return Padding(pads.begin, tuple(end - more for end, more in zip(pads.end, output_padding, strict=True)))
