"""Places of maxima: what pooling counts them in, and unpooling."""

from __future__ import annotations

from converter.emitters.sizes import Extents
from converter.graph import Node
from converter.padding import Padding


def fits_torch(padding: Padding, kernel: tuple[int, ...]) -> bool:
    """Whether PyTorch's own padding argument can say it: both sides equal, at most half the window."""
    half = all(begin <= size // 2 for begin, size in zip(padding.begin, kernel, strict=True))
    return padding.is_symmetric and half and min(padding.begin) >= 0


def in_planes(pool: Node | None, extents: Extents) -> bool:
    """Whether the places that ``pool`` tells may be counted in each plane, as PyTorch does, instead of in the whole tensor.

    That is where only MaxUnpool reads them, for an image of the size that was pooled.
    """
    if pool is None or pool.op_type != "MaxPool" or pool["storage_order"] or pool["pads"] is None or len(pool["strides"]) > 3:
        return False
    fits = fits_torch(pool["pads"], pool["kernel_shape"]) and not pool["pads"].has_ceil
    indices = pool.outputs[1]
    return fits and extents.stays_inside(indices) and all(_unpools_planes(*user) for user in indices.users)


def _unpools_planes(node: Node, index: int) -> bool:
    whole = node.op_type == "MaxUnpool" and index == 1 and node.inputs[0].shape is not None
    return whole and node.output.shape is not None and node.output.shape[2:] == unpooled_image(node)


def unpooled_image(node: Node) -> tuple[int, ...]:
    """The sizes of the image that the indices of a MaxUnpool count in."""
    rank = len(node["kernel_shape"])
    pads, strides = node["pads"] or (0,) * (2 * rank), node["strides"] or (1,) * rank
    windows = zip(node.inputs[0].shape[2:], strides, node["kernel_shape"], pads, pads[rank:], strict=False)
    return tuple((size - 1) * stride + kernel - begin - end for size, stride, kernel, begin, end in windows)
