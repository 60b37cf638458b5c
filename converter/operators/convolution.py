"""Convolution and transposed convolution."""

from __future__ import annotations

from converter.emitters.layout import spatial
from converter.emitters.vocabulary import Expression, Layer
from converter.operators.padding_layers import keras_pad, torch_pad
from converter.operators.registry import operator
from converter.padding import Padding, effective_kernel


def _weight_reason(node, target):
    if any(value is not None and value.weight is None for value in node.inputs[1:]):
        return "its weights are computed by the network; expected weights that the file holds"
    if node["pads"] is None and not (node.op_type == "Conv" and node["auto_pad"] == "SAME_UPPER"):
        return f"auto_pad={node['auto_pad']} with an input size that is not known; export with fixed sizes"
    return None


@operator("Conv")
class Conv:
    """Weights: ONNX and PyTorch (out, in / groups, *kernel); Keras (*kernel, in / groups, out)."""

    layout = spatial
    restrict = _weight_reason
    restrictions = "weights held by the file; auto_pad=SAME_LOWER with stride above 1 needs fixed sizes"

    def pytorch(n):
        w, b, pads = n.weight("W"), n.weight("B"), n.node["pads"]
        in_channels = w.shape[1] * n.group
        if pads is None:
            x = n.expr("pad_same(X, kernel_shape, strides, dilations)")
        else:
            x = n.X if pads.is_symmetric else torch_pad(n, n.X, pads)
        padding = "same" if n.is_same else pads.shortest if pads is not None and pads.is_symmetric else 0
        return Layer(
            f"nn.Conv{n.rank}d", in_channels, w.shape[0], n.kernel_shape, stride=n.strides, padding=padding,
            dilation=n.dilations, groups=n.group, bias=b is not None, weights={"weight": w, "bias": b},
        )(x)  # fmt: skip

    def keras(n):
        w, b, pads = n.weight("W"), n.weight("B"), n.node["pads"]
        axes = range(2, n.rank + 2)
        same = pads is None or n.is_same
        x = n.X if same else keras_pad(n, n.X, pads)
        subsample = _strided_and_dilated(n)
        options = {
            "strides": 1 if subsample else n.strides, "padding": "same" if same else "valid",
            "dilation_rate": n.dilations, "use_bias": b is not None,
        }  # fmt: skip
        if _is_depthwise(n):
            multiplier = w.shape[0] // n.group
            kernel = w.reshape(n.group, multiplier, *w.shape[2:]).transpose(*axes, 0, 1)
            layer = Layer(
                f"layers.DepthwiseConv{n.rank}D", n.kernel_shape, depth_multiplier=multiplier, **options,
                weights={"kernel": kernel, "bias": b},
            )  # fmt: skip
        else:
            layer = Layer(
                f"layers.Conv{n.rank}D", w.shape[0], n.kernel_shape, groups=n.group, **options,
                weights={"kernel": w.transpose(*axes, 1, 0), "bias": b},
            )  # fmt: skip
        if subsample:
            return n.expr("every(y, strides)", y=layer(x), strides=n.node["strides"])
        return layer(x)


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
    restrict = _weight_reason
    restrictions = "weights held by the file"

    def pytorch(n):
        w, b = n.weight("W"), n.weight("B")
        crop = _crop(n)
        output_padding = tuple(begin - end for begin, end in zip(crop.begin, crop.end, strict=True))
        limits = [max(s, d) for s, d in zip(n.node["strides"], n.node["dilations"], strict=True)]
        native = all(b >= 0 <= o < limit for b, o, limit in zip(crop.begin, output_padding, limits, strict=True))
        padding = crop.begin if native else (0,) * n.rank
        if not native:
            output_padding = tuple(max(-end, 0) for end in crop.end)
            crop = Padding(crop.begin, tuple(max(end, 0) for end in crop.end))
        y = Layer(
            f"nn.ConvTranspose{n.rank}d", w.shape[0], w.shape[1] * n.group, n.kernel_shape, stride=n.strides,
            padding=_short(padding), output_padding=_short(output_padding), groups=n.group, bias=b is not None,
            dilation=n.dilations, weights={"weight": w, "bias": b},
        )(n.X)  # fmt: skip
        return y if native else torch_pad(n, y, -crop)

    def keras(n):
        w, b = n.weight("W"), n.weight("B")
        axes = range(2, n.rank + 2)
        kernel, strides, dilations, crop = n.node["kernel_shape"], n.node["strides"], n.node["dilations"], _crop(n)
        spans = [effective_kernel(k, d) for k, d in zip(kernel, dilations, strict=True)]
        extra = [max(stride - span, 0) for stride, span in zip(strides, spans, strict=True)]  # Keras' result is longer
        crop = crop + Padding((0,) * n.rank, tuple(extra))
        if n.group == 1 and all(d == 1 for d in dilations) and min(*crop.begin, *crop.end) >= 0:
            y: Expression = Layer(
                f"layers.Conv{n.rank}DTranspose", w.shape[1], n.kernel_shape, strides=n.strides, use_bias=b is not None,
                weights={"kernel": w.transpose(*axes, 1, 0), "bias": b},
            )(n.X)  # fmt: skip
            return keras_pad(n, y, -crop)
        # Groups and dilation: a transposed convolution is a convolution of the spread input with the mirrored kernel.
        crop = _crop(n)
        around = Padding(
            tuple(span - 1 - begin for span, begin in zip(spans, crop.begin, strict=True)),
            tuple(span - 1 - end for span, end in zip(spans, crop.end, strict=True)),
        )
        x = n.X if n.strides == 1 else n.expr("spread(X, strides)", strides=strides)
        out_channels = w.shape[1] * n.group
        mirrored = w.reshape(n.group, w.shape[0] // n.group, *w.shape[1:]).map(
            lambda array: array[(slice(None),) * 3 + (slice(None, None, -1),) * n.rank],
            (n.group, w.shape[0] // n.group, *w.shape[1:]),
        )
        kernel = mirrored.transpose(*(axis + 1 for axis in axes), 1, 0, 2).reshape(*kernel, w.shape[0] // n.group, out_channels)
        return Layer(
            f"layers.Conv{n.rank}D", out_channels, n.kernel_shape, dilation_rate=n.dilations, groups=n.group,
            use_bias=b is not None, weights={"kernel": kernel, "bias": b},
        )(keras_pad(n, x, around))  # fmt: skip


def _crop(n) -> Padding:
    """What is cut off the full result; a negative end lengthens it."""
    pads, output_padding = n.padding, n.node["output_padding"] or (0,) * n.rank
    return Padding(pads.begin, tuple(end - more for end, more in zip(pads.end, output_padding, strict=True)))


def _short(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    return sizes[0] if len(set(sizes)) == 1 else sizes
