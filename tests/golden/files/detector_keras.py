"""Detector in Keras 3, converted from detector.onnx (ONNX).

Input x: float32 (batch, 32, 32, 3)
Output transpose: float32 (batch, 80, 4)
Output sigmoid: float32 (batch, 80, 3)
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers, ops


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
        near, far = (
            ((a + 2) * d - (a + 3)) * d * d + 1,
            ((a * d - 5 * a) * d + 8 * a) * d - 4 * a,
        )
        weights = np.where(d <= 1, near, np.where(d < 2, far, 0))
    if exclude_outside:
        weights = np.where((places < 0) | (places >= size), 0, weights)
    weights /= weights.sum(1, keepdims=True)
    matrix = np.zeros((len(x), size))
    np.add.at(
        matrix,
        (np.arange(len(x))[:, None], places.clip(0, size - 1).astype(int)),
        weights,
    )
    return matrix


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
            scales = [
                min(scales) if keep_aspect_ratio_policy == "not_larger" else max(scales)
            ] * len(axes)
            sizes = [
                int(x.shape[axis] * scale + 0.5) for axis, scale in zip(axes, scales)
            ]
    else:
        sizes = [int(x.shape[axis] * scale) for axis, scale in zip(axes, scales)]
    crops = coordinate_transformation_mode == "tf_crop_and_resize"
    for i, axis in enumerate(axes):
        size, (start, end) = (
            x.shape[axis],
            (roi[i], roi[i + len(axes)]) if crops else (0, 1),
        )
        if size == sizes[i] and scales[i] == 1 and not crops:
            continue
        places = resize_places(
            size, sizes[i], scales[i], coordinate_transformation_mode, start, end
        )
        how = nearest_mode if mode == "nearest" else mode
        weights = resize_weights(
            size, places, scales[i], how, cubic_coeff_a, exclude_outside, antialias
        )
        x = weigh(x, weights, axis)
        if crops:
            outside = ((places < 0) | (places > size - 1)).reshape(
                -1, *[1] * (len(x.shape) - 1 - axis)
            )
            x = ops.where(outside, ops.cast(extrapolation_value, x.dtype), x)
    return x


def weigh(x, weights, axis):
    """``x`` along an axis multiplied by a matrix, or the elements at the places that a vector tells."""
    if weights.ndim == 1:
        return ops.take(x, ops.convert_to_tensor(weights, "int32"), axis=axis)
    return ops.moveaxis(
        ops.matmul(
            ops.moveaxis(x, axis, -1), ops.convert_to_tensor(weights.T, x.dtype)
        ),
        -1,
        axis,
    )


@keras.saving.register_keras_serializable()
class Detector(keras.Model):
    """Detector, channels last. What it does depends on the numbers it gets, so that it runs eagerly."""

    def __init__(self, name="Detector", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self.padding = layers.ZeroPadding2D(1, name="padding")
        self.stem_conv = layers.Conv2D(
            8, 3, strides=2, use_bias=False, name="stem_conv"
        )
        self.stem_conv.build((None, None, None, 3))
        self.stem_bn = layers.BatchNormalization(momentum=0.97, name="stem_bn")
        self.stem_bn.build((None, 16, 16, 8))
        self.stage1_0_conv = layers.Conv2D(
            16, 3, strides=2, use_bias=False, name="stage1_0_conv"
        )
        self.stage1_0_conv.build((None, None, None, 8))
        self.stage1_0_bn = layers.BatchNormalization(momentum=0.97, name="stage1_0_bn")
        self.stage1_0_bn.build((None, 8, 8, 16))
        self.stage1_1_cv1_conv = layers.Conv2D(
            16, 1, use_bias=False, name="stage1_1_cv1_conv"
        )
        self.stage1_1_cv1_conv.build((None, None, None, 16))
        self.stage1_1_cv1_bn = layers.BatchNormalization(
            momentum=0.97, name="stage1_1_cv1_bn"
        )
        self.stage1_1_cv1_bn.build((None, 8, 8, 16))
        self.stage1_1_m_0_conv = layers.Conv2D(
            8, 3, use_bias=False, name="stage1_1_m_0_conv"
        )
        self.stage1_1_m_0_conv.build((None, None, None, 8))
        self.stage1_1_m_0_bn = layers.BatchNormalization(
            momentum=0.97, name="stage1_1_m_0_bn"
        )
        self.stage1_1_m_0_bn.build((None, 8, 8, 8))
        self.stage1_1_m_1_conv = layers.Conv2D(
            8, 3, use_bias=False, name="stage1_1_m_1_conv"
        )
        self.stage1_1_m_1_conv.build((None, None, None, 8))
        self.stage1_1_m_1_bn = layers.BatchNormalization(
            momentum=0.97, name="stage1_1_m_1_bn"
        )
        self.stage1_1_m_1_bn.build((None, 8, 8, 8))
        self.stage1_1_cv2_conv = layers.Conv2D(
            16, 1, use_bias=False, name="stage1_1_cv2_conv"
        )
        self.stage1_1_cv2_conv.build((None, None, None, 32))
        self.stage1_1_cv2_bn = layers.BatchNormalization(
            momentum=0.97, name="stage1_1_cv2_bn"
        )
        self.stage1_1_cv2_bn.build((None, 8, 8, 16))
        self.stage2_0_conv = layers.Conv2D(
            16, 3, strides=2, use_bias=False, name="stage2_0_conv"
        )
        self.stage2_0_conv.build((None, None, None, 16))
        self.stage2_0_bn = layers.BatchNormalization(momentum=0.97, name="stage2_0_bn")
        self.stage2_0_bn.build((None, 4, 4, 16))
        self.stage2_1_cv1_conv = layers.Conv2D(
            16, 1, use_bias=False, name="stage2_1_cv1_conv"
        )
        self.stage2_1_cv1_conv.build((None, None, None, 16))
        self.stage2_1_cv1_bn = layers.BatchNormalization(
            momentum=0.97, name="stage2_1_cv1_bn"
        )
        self.stage2_1_cv1_bn.build((None, 4, 4, 16))
        self.stage2_1_m_0_conv = layers.Conv2D(
            8, 3, use_bias=False, name="stage2_1_m_0_conv"
        )
        self.stage2_1_m_0_conv.build((None, None, None, 8))
        self.stage2_1_m_0_bn = layers.BatchNormalization(
            momentum=0.97, name="stage2_1_m_0_bn"
        )
        self.stage2_1_m_0_bn.build((None, 4, 4, 8))
        self.stage2_1_cv2_conv = layers.Conv2D(
            16, 1, use_bias=False, name="stage2_1_cv2_conv"
        )
        self.stage2_1_cv2_conv.build((None, None, None, 24))
        self.stage2_1_cv2_bn = layers.BatchNormalization(
            momentum=0.97, name="stage2_1_cv2_bn"
        )
        self.stage2_1_cv2_bn.build((None, 4, 4, 16))
        self.lateral_conv = layers.Conv2D(16, 1, use_bias=False, name="lateral_conv")
        self.lateral_conv.build((None, None, None, 32))
        self.lateral_bn = layers.BatchNormalization(momentum=0.97, name="lateral_bn")
        self.lateral_bn.build((None, 8, 8, 16))
        self.detect_box_0 = layers.Conv2D(4, 1, name="detect_box_0")
        self.detect_box_0.build((None, None, None, 16))
        self.detect_reshape = layers.Reshape((64, 4), name="detect_reshape")
        self.detect_box_1 = layers.Conv2D(4, 1, name="detect_box_1")
        self.detect_box_1.build((None, None, None, 16))
        self.detect_reshape_2 = layers.Reshape((16, 4), name="detect_reshape_2")
        self.detect_cls_0 = layers.Conv2D(3, 1, name="detect_cls_0")
        self.detect_cls_0.build((None, None, None, 16))
        self.detect_reshape_3 = layers.Reshape((64, 3), name="detect_reshape_3")
        self.detect_cls_1 = layers.Conv2D(3, 1, name="detect_cls_1")
        self.detect_cls_1.build((None, None, None, 16))
        self.detect_reshape_4 = layers.Reshape((16, 3), name="detect_reshape_4")
        self.built = self.run_eagerly = True

    def call(self, x):
        x = self.padding(x)
        x = self.stem_conv(x)
        x = self.stem_bn(x)
        x = ops.silu(x)
        x = self.padding(x)
        x = self.stage1_0_conv(x)
        x = self.stage1_0_bn(x)
        x = ops.silu(x)
        x = self.stage1_1_cv1_conv(x)
        x = self.stage1_1_cv1_bn(x)
        silu = ops.silu(x)
        _, getitem = ops.split(silu, 2, axis=-1)
        x = self.padding(getitem)
        x = self.stage1_1_m_0_conv(x)
        x = self.stage1_1_m_0_bn(x)
        silu_2 = ops.silu(x)
        x = self.padding(silu_2)
        x = self.stage1_1_m_1_conv(x)
        x = self.stage1_1_m_1_bn(x)
        silu_3 = ops.silu(x)
        getitem_2, _ = ops.split(silu, 2, axis=-1)
        x = ops.concatenate([getitem_2, getitem, silu_2, silu_3], axis=-1)
        x = self.stage1_1_cv2_conv(x)
        x = self.stage1_1_cv2_bn(x)
        silu_4 = ops.silu(x)
        x = self.padding(silu_4)
        x = self.stage2_0_conv(x)
        x = self.stage2_0_bn(x)
        x = ops.silu(x)
        x = self.stage2_1_cv1_conv(x)
        x = self.stage2_1_cv1_bn(x)
        silu_5 = ops.silu(x)
        _, getitem_3 = ops.split(silu_5, 2, axis=-1)
        x = self.padding(getitem_3)
        x = self.stage2_1_m_0_conv(x)
        x = self.stage2_1_m_0_bn(x)
        silu_6 = ops.silu(x)
        getitem_4, _ = ops.split(silu_5, 2, axis=-1)
        x = ops.concatenate([getitem_4, getitem_3, silu_6], axis=-1)
        x = self.stage2_1_cv2_conv(x)
        x = self.stage2_1_cv2_bn(x)
        silu_7 = ops.silu(x)
        x = ops.transpose(silu_7, (0, 3, 1, 2))
        x = resize(
            x,
            scales=(1.0, 1.0, 2.0, 2.0),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        x = ops.transpose(x, (0, 2, 3, 1))
        x = ops.concatenate([x, silu_4], axis=-1)
        x = self.lateral_conv(x)
        x = self.lateral_bn(x)
        silu_8 = ops.silu(x)
        x = self.detect_box_0(silu_8)
        reshape = self.detect_reshape(x)
        x = self.detect_box_1(silu_7)
        reshape_2 = self.detect_reshape_2(x)
        x = self.detect_cls_0(silu_8)
        reshape_3 = self.detect_reshape_3(x)
        x = self.detect_cls_1(silu_7)
        reshape_4 = self.detect_reshape_4(x)
        x = ops.concatenate([reshape, reshape_2], axis=1)
        out = ops.concatenate([reshape_3, reshape_4], axis=1)
        out = ops.sigmoid(out)
        return [x, out]


def build_model():
    """Detector with fresh weights."""
    return Detector()


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
