"""Boxes and regions of images."""

from __future__ import annotations

from converter.operators.registry import operator


@operator("NonMaxSuppression")
class NonMaxSuppression:
    """Rows (sample, class, box) of the boxes that are kept, best first; how many depends on the numbers."""

    def pytorch(n):
        return n.expr(f"non_max_suppression({_BOXES}, center=center)", center=bool(n.center_point_box))

    def keras(n):
        return n.eager(f"non_max_suppression({_BOXES}, center=center)", center=bool(n.center_point_box))


_BOXES = "boxes, scores, max_output_boxes_per_class, iou_threshold, score_threshold"


@operator("RoiAlign")
class RoiAlign:
    """Averages (or maxima) of bilinear samples on a grid in each region."""

    restrictions = "a sampling_ratio above 0 in Keras, unless the model may run eagerly"

    def pytorch(n):
        return n.expr(_ROI_ALIGN, **_region(n))

    def keras(n):
        n.needs_sizes(n.X, axes=(1, 2, 3))
        if n.sampling_ratio > 0:
            return n.expr(_ROI_ALIGN, **_region(n))
        return n.eager(_ROI_ALIGN, **_region(n))


_ROI_ALIGN = "roi_align(X, rois, batch_indices, size=size, ratio=ratio, scale=scale, half_pixel=half_pixel, maximum=maximum)"


def _region(n) -> dict:
    return {
        "size": (n.output_height, n.output_width),
        "ratio": n.sampling_ratio,
        "scale": n.spatial_scale,
        "half_pixel": n.coordinate_transformation_mode == "half_pixel",
        "maximum": n.mode == "max",
    }


@operator("MaxRoiPool")
class MaxRoiPool:
    """The largest element of each cell of a region (sample, x1, y1, x2, y2); an empty cell gives zero."""

    def pytorch(n):
        return n.expr("max_roi_pool(X, rois, size=size, scale=spatial_scale)", size=n.pooled_shape)

    def keras(n):
        return n.eager("max_roi_pool(X, rois, size=size, scale=spatial_scale)", size=n.pooled_shape)


@operator("Col2Im")
class Col2Im:
    """Sums overlapping blocks, one a column, back into an image."""

    def restrict(node, target):
        known = isinstance((node.inputs[1].shape or (None,))[0], int)
        return None if known else "the number of axes of its image is not known"

    def pytorch(n):
        return n.expr("blocks_to_image(input, image_shape, block_shape, strides, dilations, sides)", **_blocks(n))

    def keras(n):
        text = "blocks_to_image(input, image_shape, block_shape, strides, dilations, sides)"
        if n.is_known("image_shape") and n.is_known("block_shape"):
            sizes = {name: tuple(n.constant(name).tolist()) for name in ("image_shape", "block_shape")}
            return n.expr(text, **sizes, **_blocks(n))
        return n.eager(text, **_blocks(n))


def _blocks(n) -> dict:
    rank = n.node.inputs[1].shape[0]
    pads = n.node["pads"] or (0,) * (2 * rank)
    return {
        "strides": n.node["strides"] or (1,) * rank,
        "dilations": n.node["dilations"] or (1,) * rank,
        "sides": tuple(zip(pads[:rank], pads[rank:], strict=True)),
    }


@operator("DeformConv")
class DeformConv:
    """A convolution whose kernel reads each element at a place of its own, between the pixels."""

    restrictions = "2-D"

    def restrict(node, target):
        return None if node.inputs[0].rank == 4 else "it is not two-dimensional"

    def pytorch(n):
        return n.expr(_DEFORMED, **_deformed(n))

    def keras(n):
        n.needs_sizes(n.X, n.offset, axes=(1, 2, 3))
        n.needs_sizes(n.W)
        return n.expr(_DEFORMED, **_deformed(n))


_DEFORMED = "deformable_convolution(X, W, offset, B, mask, strides, dilations, sides, group, offset_group)"


def _deformed(n) -> dict:
    return {
        "strides": n.node["strides"],
        "dilations": n.node["dilations"],
        "sides": tuple(zip(n.padding.begin, n.padding.end, strict=True)),
    }
