"""VisionTransformer in Keras 3, converted from vit.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear_8: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class VisionTransformer(keras.Model):
    """VisionTransformer, channels last."""

    def __init__(self, name="VisionTransformer", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self.patch_embed = layers.Conv2D(16, 8, strides=8, name="patch_embed")
        self.patch_embed.build((None, None, None, 3))
        self.reshape = layers.Reshape((16, 16), name="reshape")
        self.cls_token = self.add_weight((1, 1, 16), "zeros", name="cls_token")
        self.pos_embed = self.add_weight((1, 17, 16), "zeros", name="pos_embed")
        self.blocks_0_norm1 = layers.LayerNormalization(
            epsilon=1e-05, name="blocks_0_norm1"
        )
        self.blocks_0_norm1.build((None, 17, 16))
        self.blocks_0_attn_qkv = layers.Dense(48, name="blocks_0_attn_qkv")
        self.blocks_0_attn_qkv.build((None, 16))
        self.blocks_0_attn_reshape = layers.Reshape(
            (17, 3, 4, 4), name="blocks_0_attn_reshape"
        )
        self.blocks_0_attn_reshape_2 = layers.Reshape(
            (17, 16), name="blocks_0_attn_reshape_2"
        )
        self.blocks_0_attn_proj = layers.Dense(16, name="blocks_0_attn_proj")
        self.blocks_0_attn_proj.build((None, 16))
        self.blocks_0_norm2 = layers.LayerNormalization(
            epsilon=1e-05, name="blocks_0_norm2"
        )
        self.blocks_0_norm2.build((None, 17, 16))
        self.blocks_0_mlp_fc1 = layers.Dense(
            32, activation="gelu", name="blocks_0_mlp_fc1"
        )
        self.blocks_0_mlp_fc1.build((None, 16))
        self.blocks_0_mlp_fc2 = layers.Dense(16, name="blocks_0_mlp_fc2")
        self.blocks_0_mlp_fc2.build((None, 32))
        self.blocks_1_norm1 = layers.LayerNormalization(
            epsilon=1e-05, name="blocks_1_norm1"
        )
        self.blocks_1_norm1.build((None, 17, 16))
        self.blocks_1_attn_qkv = layers.Dense(48, name="blocks_1_attn_qkv")
        self.blocks_1_attn_qkv.build((None, 16))
        self.blocks_1_attn_reshape = layers.Reshape(
            (17, 3, 4, 4), name="blocks_1_attn_reshape"
        )
        self.blocks_1_attn_reshape_2 = layers.Reshape(
            (17, 16), name="blocks_1_attn_reshape_2"
        )
        self.blocks_1_attn_proj = layers.Dense(16, name="blocks_1_attn_proj")
        self.blocks_1_attn_proj.build((None, 16))
        self.blocks_1_norm2 = layers.LayerNormalization(
            epsilon=1e-05, name="blocks_1_norm2"
        )
        self.blocks_1_norm2.build((None, 17, 16))
        self.blocks_1_mlp_fc1 = layers.Dense(
            32, activation="gelu", name="blocks_1_mlp_fc1"
        )
        self.blocks_1_mlp_fc1.build((None, 16))
        self.blocks_1_mlp_fc2 = layers.Dense(16, name="blocks_1_mlp_fc2")
        self.blocks_1_mlp_fc2.build((None, 32))
        self.norm = layers.LayerNormalization(epsilon=1e-05, name="norm")
        self.norm.build((None, 17, 16))
        self.head = layers.Dense(10, name="head")
        self.head.build((None, 16))
        self.built = True

    def call(self, inputs):
        x = self.patch_embed(inputs)
        view = self.reshape(x)
        x = ops.broadcast_to(self.cls_token, (ops.shape(inputs)[0], 1, 16))
        x = ops.concatenate([x, view], axis=1)
        x = x + self.pos_embed
        out = self.blocks_0_norm1(x)
        out = self.blocks_0_attn_qkv(out)
        view_2 = self.blocks_0_attn_reshape(out)
        getitem = ops.take(view_2, 0, axis=2)
        getitem_2 = ops.take(view_2, 1, axis=2)
        out = ops.take(view_2, 2, axis=2)
        out = ops.dot_product_attention(getitem, getitem_2, out)
        out = self.blocks_0_attn_reshape_2(out)
        out = self.blocks_0_attn_proj(out)
        x = x + out
        out = self.blocks_0_norm2(x)
        out = self.blocks_0_mlp_fc1(out)
        out = self.blocks_0_mlp_fc2(out)
        x = x + out
        out = self.blocks_1_norm1(x)
        out = self.blocks_1_attn_qkv(out)
        view_3 = self.blocks_1_attn_reshape(out)
        getitem_3 = ops.take(view_3, 0, axis=2)
        getitem_4 = ops.take(view_3, 1, axis=2)
        out = ops.take(view_3, 2, axis=2)
        out = ops.dot_product_attention(getitem_3, getitem_4, out)
        out = self.blocks_1_attn_reshape_2(out)
        out = self.blocks_1_attn_proj(out)
        x = x + out
        out = self.blocks_1_norm2(x)
        out = self.blocks_1_mlp_fc1(out)
        out = self.blocks_1_mlp_fc2(out)
        x = x + out
        x = self.norm(x)
        x = ops.take(x, 0, axis=1)
        return self.head(x)


def build_model():
    """VisionTransformer with fresh weights."""
    return VisionTransformer()


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
