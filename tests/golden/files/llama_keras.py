"""Llama in Keras 3, converted from llama.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Output linear_14: float32 (batch, sequence, 50)
"""

from pathlib import Path

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Llama(keras.Model):
    """Llama, channels last. What it does depends on the numbers it gets, so that it runs eagerly."""

    def __init__(self, name="Llama", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self.embed_tokens = layers.Embedding(50, 16, name="embed_tokens")
        self.embed_tokens.build((None, None))
        self.inv_freq = self.add_weight((2,), "ones", name="inv_freq")
        self.layers_0_input_layernorm = layers.RMSNormalization(
            name="layers_0_input_layernorm"
        )
        self.layers_0_input_layernorm.build((None, None, 16))
        self.layers_0_self_attn_q_proj = layers.Dense(
            16, use_bias=False, name="layers_0_self_attn_q_proj"
        )
        self.layers_0_self_attn_q_proj.build((None, 16))
        self.layers_0_self_attn_reshape = layers.Reshape(
            (-1, 4, 4), name="layers_0_self_attn_reshape"
        )
        self.layers_0_self_attn_k_proj = layers.Dense(
            8, use_bias=False, name="layers_0_self_attn_k_proj"
        )
        self.layers_0_self_attn_k_proj.build((None, 16))
        self.layers_0_self_attn_reshape_2 = layers.Reshape(
            (-1, 2, 4), name="layers_0_self_attn_reshape_2"
        )
        self.layers_0_self_attn_v_proj = layers.Dense(
            8, use_bias=False, name="layers_0_self_attn_v_proj"
        )
        self.layers_0_self_attn_v_proj.build((None, 16))
        self.layers_0_self_attn_reshape_3 = layers.Reshape(
            (-1, 2, 4), name="layers_0_self_attn_reshape_3"
        )
        self.layers_0_self_attn_reshape_4 = layers.Reshape(
            (-1, 16), name="layers_0_self_attn_reshape_4"
        )
        self.layers_0_self_attn_o_proj = layers.Dense(
            16, use_bias=False, name="layers_0_self_attn_o_proj"
        )
        self.layers_0_self_attn_o_proj.build((None, 16))
        self.layers_0_post_attention_layernorm = layers.RMSNormalization(
            name="layers_0_post_attention_layernorm"
        )
        self.layers_0_post_attention_layernorm.build((None, None, 16))
        self.layers_0_mlp_gate_proj = layers.Dense(
            24, use_bias=False, activation="silu", name="layers_0_mlp_gate_proj"
        )
        self.layers_0_mlp_gate_proj.build((None, 16))
        self.layers_0_mlp_up_proj = layers.Dense(
            24, use_bias=False, name="layers_0_mlp_up_proj"
        )
        self.layers_0_mlp_up_proj.build((None, 16))
        self.layers_0_mlp_down_proj = layers.Dense(
            16, use_bias=False, name="layers_0_mlp_down_proj"
        )
        self.layers_0_mlp_down_proj.build((None, 24))
        self.layers_1_input_layernorm = layers.RMSNormalization(
            name="layers_1_input_layernorm"
        )
        self.layers_1_input_layernorm.build((None, None, 16))
        self.layers_1_self_attn_q_proj = layers.Dense(
            16, use_bias=False, name="layers_1_self_attn_q_proj"
        )
        self.layers_1_self_attn_q_proj.build((None, 16))
        self.layers_1_self_attn_reshape = layers.Reshape(
            (-1, 4, 4), name="layers_1_self_attn_reshape"
        )
        self.layers_1_self_attn_k_proj = layers.Dense(
            8, use_bias=False, name="layers_1_self_attn_k_proj"
        )
        self.layers_1_self_attn_k_proj.build((None, 16))
        self.layers_1_self_attn_reshape_2 = layers.Reshape(
            (-1, 2, 4), name="layers_1_self_attn_reshape_2"
        )
        self.layers_1_self_attn_v_proj = layers.Dense(
            8, use_bias=False, name="layers_1_self_attn_v_proj"
        )
        self.layers_1_self_attn_v_proj.build((None, 16))
        self.layers_1_self_attn_reshape_3 = layers.Reshape(
            (-1, 2, 4), name="layers_1_self_attn_reshape_3"
        )
        self.layers_1_self_attn_reshape_4 = layers.Reshape(
            (-1, 16), name="layers_1_self_attn_reshape_4"
        )
        self.layers_1_self_attn_o_proj = layers.Dense(
            16, use_bias=False, name="layers_1_self_attn_o_proj"
        )
        self.layers_1_self_attn_o_proj.build((None, 16))
        self.layers_1_post_attention_layernorm = layers.RMSNormalization(
            name="layers_1_post_attention_layernorm"
        )
        self.layers_1_post_attention_layernorm.build((None, None, 16))
        self.layers_1_mlp_gate_proj = layers.Dense(
            24, use_bias=False, activation="silu", name="layers_1_mlp_gate_proj"
        )
        self.layers_1_mlp_gate_proj.build((None, 16))
        self.layers_1_mlp_up_proj = layers.Dense(
            24, use_bias=False, name="layers_1_mlp_up_proj"
        )
        self.layers_1_mlp_up_proj.build((None, 16))
        self.layers_1_mlp_down_proj = layers.Dense(
            16, use_bias=False, name="layers_1_mlp_down_proj"
        )
        self.layers_1_mlp_down_proj.build((None, 24))
        self.norm = layers.RMSNormalization(name="norm")
        self.norm.build((None, None, 16))
        self.lm_head = layers.Dense(50, use_bias=False, name="lm_head")
        self.lm_head.build((None, 16))
        self.built = self.run_eagerly = True

    def call(self, input_ids):
        embedding = self.embed_tokens(input_ids)
        x = ops.arange(ops.shape(input_ids)[1], dtype="int64")
        x = ops.cast(x, "float32")
        x = ops.reshape(x, (-1, 1))
        x = x * self.inv_freq
        x = ops.concatenate([x, x], axis=-1)
        cos = ops.cos(x)
        sin = ops.sin(x)
        mul = self.layers_0_input_layernorm(embedding)
        x = self.layers_0_self_attn_q_proj(mul)
        view = self.layers_0_self_attn_reshape(x)
        x = self.layers_0_self_attn_k_proj(mul)
        view_2 = self.layers_0_self_attn_reshape_2(x)
        x = self.layers_0_self_attn_v_proj(mul)
        view_3 = self.layers_0_self_attn_reshape_3(x)
        cos_2 = ops.expand_dims(cos, (0, 2))
        mul_2 = view * cos_2
        getitem, getitem_2 = ops.split(view, 2, axis=-1)
        x = -getitem_2
        x = ops.concatenate([x, getitem], axis=-1)
        sin_2 = ops.expand_dims(sin, (0, 2))
        x = mul_2 + x * sin_2
        mul_3 = view_2 * cos_2
        getitem_3, getitem_4 = ops.split(view_2, 2, axis=-1)
        out = -getitem_4
        out = ops.concatenate([out, getitem_3], axis=-1)
        add = mul_3 + out * sin_2
        out = ops.broadcast_to(
            ops.convert_to_tensor(1.0, "float32"),
            (ops.shape(input_ids)[1], ops.shape(input_ids)[1]),
        )
        out = ops.tril(out, 0)
        out = ops.equal(out, 0.0)
        out = ops.where(out, -3.4028234663852886e38, 0.0)
        out = ops.expand_dims(out, (0, 1))
        x = ops.dot_product_attention(x, add, view_3, bias=out)
        x = self.layers_0_self_attn_reshape_4(x)
        x = self.layers_0_self_attn_o_proj(x)
        x = embedding + x
        mul_4 = self.layers_0_post_attention_layernorm(x)
        silu = self.layers_0_mlp_gate_proj(mul_4)
        out = self.layers_0_mlp_up_proj(mul_4)
        out = silu * out
        out = self.layers_0_mlp_down_proj(out)
        x = x + out
        mul_5 = self.layers_1_input_layernorm(x)
        out = self.layers_1_self_attn_q_proj(mul_5)
        view_4 = self.layers_1_self_attn_reshape(out)
        out = self.layers_1_self_attn_k_proj(mul_5)
        view_5 = self.layers_1_self_attn_reshape_2(out)
        out = self.layers_1_self_attn_v_proj(mul_5)
        view_6 = self.layers_1_self_attn_reshape_3(out)
        mul_6 = view_4 * cos_2
        getitem_5, getitem_6 = ops.split(view_4, 2, axis=-1)
        out = -getitem_6
        out = ops.concatenate([out, getitem_5], axis=-1)
        add_2 = mul_6 + out * sin_2
        mul_7 = view_5 * cos_2
        getitem_7, getitem_8 = ops.split(view_5, 2, axis=-1)
        out = -getitem_8
        out = ops.concatenate([out, getitem_7], axis=-1)
        add_3 = mul_7 + out * sin_2
        out = ops.broadcast_to(
            ops.convert_to_tensor(1.0, "float32"),
            (ops.shape(input_ids)[1], ops.shape(input_ids)[1]),
        )
        out = ops.tril(out, 0)
        out = ops.equal(out, 0.0)
        out = ops.where(out, -3.4028234663852886e38, 0.0)
        out = ops.expand_dims(out, (0, 1))
        out = ops.dot_product_attention(add_2, add_3, view_6, bias=out)
        out = self.layers_1_self_attn_reshape_4(out)
        out = self.layers_1_self_attn_o_proj(out)
        x = x + out
        mul_8 = self.layers_1_post_attention_layernorm(x)
        silu_2 = self.layers_1_mlp_gate_proj(mul_8)
        out = self.layers_1_mlp_up_proj(mul_8)
        out = silu_2 * out
        out = self.layers_1_mlp_down_proj(out)
        x = x + out
        x = self.norm(x)
        return self.lm_head(x)


def build_model():
    """Llama with fresh weights."""
    return Llama()


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
