"""ShuffleNet in Keras 3, converted from shuffle.onnx (ONNX).

Input x: float32 (batch, 16, 16, 3)
Output linear: float32 (batch, 10)
"""

import itertools
from pathlib import Path

import keras
from keras import layers, ops


def parts_of(x, sizes, axis, keep=True):
    """Parts along an axis, of one size but for the last one, or of a list of sizes; with or without the axis."""
    if not keep:
        return ops.unstack(x, axis=axis)
    sizes = [sizes] * -(-x.shape[axis] // sizes) if isinstance(sizes, int) else sizes
    return ops.split(x, list(itertools.accumulate(sizes))[:-1], axis=axis)


@keras.saving.register_keras_serializable()
class ShuffleNet(keras.Model):
    """ShuffleNet, channels last. What it does depends on the numbers it gets, so that it runs eagerly."""

    def __init__(self, name="ShuffleNet", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self.padding = layers.ZeroPadding2D(1, name="padding")
        self.conv1_0 = layers.Conv2D(8, 3, use_bias=False, name="conv1_0")
        self.conv1_0.build((None, None, None, 3))
        self.conv1_1 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="conv1_1"
        )
        self.conv1_1.build((None, 16, 16, 8))
        self.stage2_0_branch1_0 = layers.DepthwiseConv2D(
            3, strides=2, use_bias=False, name="stage2_0_branch1_0"
        )
        self.stage2_0_branch1_0.build((None, None, None, 8))
        self.stage2_0_branch1_1 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_0_branch1_1"
        )
        self.stage2_0_branch1_1.build((None, 8, 8, 8))
        self.stage2_0_branch1_2 = layers.Conv2D(
            8, 1, use_bias=False, name="stage2_0_branch1_2"
        )
        self.stage2_0_branch1_2.build((None, None, None, 8))
        self.stage2_0_branch1_3 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_0_branch1_3"
        )
        self.stage2_0_branch1_3.build((None, 8, 8, 8))
        self.stage2_0_branch2_0 = layers.Conv2D(
            8, 1, use_bias=False, name="stage2_0_branch2_0"
        )
        self.stage2_0_branch2_0.build((None, None, None, 8))
        self.stage2_0_branch2_1 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_0_branch2_1"
        )
        self.stage2_0_branch2_1.build((None, 16, 16, 8))
        self.stage2_0_branch2_3 = layers.DepthwiseConv2D(
            3, strides=2, use_bias=False, name="stage2_0_branch2_3"
        )
        self.stage2_0_branch2_3.build((None, None, None, 8))
        self.stage2_0_branch2_4 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_0_branch2_4"
        )
        self.stage2_0_branch2_4.build((None, 8, 8, 8))
        self.stage2_0_branch2_5 = layers.Conv2D(
            8, 1, use_bias=False, name="stage2_0_branch2_5"
        )
        self.stage2_0_branch2_5.build((None, None, None, 8))
        self.stage2_0_branch2_6 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_0_branch2_6"
        )
        self.stage2_0_branch2_6.build((None, 8, 8, 8))
        self.stage2_0_reshape = layers.Reshape((8, 8, 2, 8), name="stage2_0_reshape")
        self.stage2_0_reshape_2 = layers.Reshape((8, 8, 16), name="stage2_0_reshape_2")
        self.stage2_1_branch2_0 = layers.Conv2D(
            8, 1, use_bias=False, name="stage2_1_branch2_0"
        )
        self.stage2_1_branch2_0.build((None, None, None, 8))
        self.stage2_1_branch2_1 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_1_branch2_1"
        )
        self.stage2_1_branch2_1.build((None, 8, 8, 8))
        self.stage2_1_branch2_3 = layers.DepthwiseConv2D(
            3, use_bias=False, name="stage2_1_branch2_3"
        )
        self.stage2_1_branch2_3.build((None, None, None, 8))
        self.stage2_1_branch2_4 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_1_branch2_4"
        )
        self.stage2_1_branch2_4.build((None, 8, 8, 8))
        self.stage2_1_branch2_5 = layers.Conv2D(
            8, 1, use_bias=False, name="stage2_1_branch2_5"
        )
        self.stage2_1_branch2_5.build((None, None, None, 8))
        self.stage2_1_branch2_6 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_1_branch2_6"
        )
        self.stage2_1_branch2_6.build((None, 8, 8, 8))
        self.stage2_1_reshape = layers.Reshape((16, 8, 8), name="stage2_1_reshape")
        self.stage2_2_branch2_0 = layers.Conv2D(
            8, 1, use_bias=False, name="stage2_2_branch2_0"
        )
        self.stage2_2_branch2_0.build((None, None, None, 8))
        self.stage2_2_branch2_1 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_2_branch2_1"
        )
        self.stage2_2_branch2_1.build((None, 8, 8, 8))
        self.stage2_2_branch2_3 = layers.DepthwiseConv2D(
            3, use_bias=False, name="stage2_2_branch2_3"
        )
        self.stage2_2_branch2_3.build((None, None, None, 8))
        self.stage2_2_branch2_4 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_2_branch2_4"
        )
        self.stage2_2_branch2_4.build((None, 8, 8, 8))
        self.stage2_2_branch2_5 = layers.Conv2D(
            8, 1, use_bias=False, name="stage2_2_branch2_5"
        )
        self.stage2_2_branch2_5.build((None, None, None, 8))
        self.stage2_2_branch2_6 = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name="stage2_2_branch2_6"
        )
        self.stage2_2_branch2_6.build((None, 8, 8, 8))
        self.stage2_2_reshape = layers.Reshape((16, 8, 8), name="stage2_2_reshape")
        self.fc = layers.Dense(10, name="fc")
        self.fc.build((None, 16))
        self.built = self.run_eagerly = True

    def call(self, x):
        x = self.padding(x)
        x = self.conv1_0(x)
        x = self.conv1_1(x)
        relu = ops.relu(x)
        x = self.padding(relu)
        x = self.stage2_0_branch1_0(x)
        x = self.stage2_0_branch1_1(x)
        x = self.stage2_0_branch1_2(x)
        x = self.stage2_0_branch1_3(x)
        relu_2 = ops.relu(x)
        x = self.stage2_0_branch2_0(relu)
        x = self.stage2_0_branch2_1(x)
        x = ops.relu(x)
        x = self.padding(x)
        x = self.stage2_0_branch2_3(x)
        x = self.stage2_0_branch2_4(x)
        x = self.stage2_0_branch2_5(x)
        x = self.stage2_0_branch2_6(x)
        x = ops.relu(x)
        x = ops.concatenate([relu_2, x], axis=-1)
        x = self.stage2_0_reshape(x)
        x = ops.transpose(x, (0, 1, 2, 4, 3))
        x = self.stage2_0_reshape_2(x)
        x = ops.transpose(x, (0, 3, 1, 2))
        split = parts_of(x, 8, 1)
        getitem = split[0]
        x = split[1]
        x = ops.transpose(x, (0, 2, 3, 1))
        x = self.stage2_1_branch2_0(x)
        x = self.stage2_1_branch2_1(x)
        x = ops.relu(x)
        x = self.padding(x)
        x = self.stage2_1_branch2_3(x)
        x = self.stage2_1_branch2_4(x)
        x = self.stage2_1_branch2_5(x)
        x = self.stage2_1_branch2_6(x)
        relu_3 = ops.relu(x)
        x = ops.transpose(getitem, (0, 2, 3, 1))
        x = ops.concatenate([x, relu_3], axis=-1)
        x = ops.transpose(x, (0, 3, 1, 2))
        x = ops.reshape(x, (-1, 2, 8, 8, 8))
        x = ops.transpose(x, (0, 2, 1, 3, 4))
        x = self.stage2_1_reshape(x)
        split_2 = parts_of(x, 8, 1)
        getitem_2 = split_2[0]
        x = split_2[1]
        x = ops.transpose(x, (0, 2, 3, 1))
        x = self.stage2_2_branch2_0(x)
        x = self.stage2_2_branch2_1(x)
        x = ops.relu(x)
        x = self.padding(x)
        x = self.stage2_2_branch2_3(x)
        x = self.stage2_2_branch2_4(x)
        x = self.stage2_2_branch2_5(x)
        x = self.stage2_2_branch2_6(x)
        relu_4 = ops.relu(x)
        x = ops.transpose(getitem_2, (0, 2, 3, 1))
        x = ops.concatenate([x, relu_4], axis=-1)
        x = ops.transpose(x, (0, 3, 1, 2))
        x = ops.reshape(x, (-1, 2, 8, 8, 8))
        x = ops.transpose(x, (0, 2, 1, 3, 4))
        x = self.stage2_2_reshape(x)
        x = ops.mean(x, axis=(2, 3))
        return self.fc(x)


def build_model():
    """ShuffleNet with fresh weights."""
    return ShuffleNet()


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
