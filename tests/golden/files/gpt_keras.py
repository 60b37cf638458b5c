"""GPT in Keras 3, converted from gpt.onnx (ONNX).

Input idx: int64 (batch, sequence)
Output linear_8: float32 (batch, sequence, 50)
"""

from pathlib import Path

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class GPT(keras.Model):
    """GPT, channels last. What it does depends on the numbers it gets, so that it runs eagerly."""

    def __init__(self, name="GPT", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self.wte = layers.Embedding(50, 16, name="wte")
        self.wte.build((None, None))
        self.wpe = layers.Embedding(16, 16, name="wpe")
        self.wpe.build((None,))
        self.h_0_ln_1 = layers.LayerNormalization(epsilon=1e-05, name="h_0_ln_1")
        self.h_0_ln_1.build((None, None, 16))
        self.h_0_attn_c_attn = layers.Dense(48, name="h_0_attn_c_attn")
        self.h_0_attn_c_attn.build((None, 16))
        self.h_0_attn_reshape = layers.Reshape((-1, 4, 4), name="h_0_attn_reshape")
        self.h_0_attn_reshape_2 = layers.Reshape((-1, 4, 4), name="h_0_attn_reshape_2")
        self.h_0_attn_reshape_3 = layers.Reshape((-1, 4, 4), name="h_0_attn_reshape_3")
        self.h_0_attn_reshape_4 = layers.Reshape((-1, 16), name="h_0_attn_reshape_4")
        self.h_0_attn_c_proj = layers.Dense(16, name="h_0_attn_c_proj")
        self.h_0_attn_c_proj.build((None, 16))
        self.h_0_ln_2 = layers.LayerNormalization(epsilon=1e-05, name="h_0_ln_2")
        self.h_0_ln_2.build((None, None, 16))
        self.h_0_mlp_c_fc = layers.Dense(64, name="h_0_mlp_c_fc")
        self.h_0_mlp_c_fc.build((None, 16))
        self.h_0_mlp_c_proj = layers.Dense(16, name="h_0_mlp_c_proj")
        self.h_0_mlp_c_proj.build((None, 64))
        self.h_1_ln_1 = layers.LayerNormalization(epsilon=1e-05, name="h_1_ln_1")
        self.h_1_ln_1.build((None, None, 16))
        self.h_1_attn_c_attn = layers.Dense(48, name="h_1_attn_c_attn")
        self.h_1_attn_c_attn.build((None, 16))
        self.h_1_attn_reshape = layers.Reshape((-1, 4, 4), name="h_1_attn_reshape")
        self.h_1_attn_reshape_2 = layers.Reshape((-1, 4, 4), name="h_1_attn_reshape_2")
        self.h_1_attn_reshape_3 = layers.Reshape((-1, 4, 4), name="h_1_attn_reshape_3")
        self.h_1_attn_reshape_4 = layers.Reshape((-1, 16), name="h_1_attn_reshape_4")
        self.h_1_attn_c_proj = layers.Dense(16, name="h_1_attn_c_proj")
        self.h_1_attn_c_proj.build((None, 16))
        self.h_1_ln_2 = layers.LayerNormalization(epsilon=1e-05, name="h_1_ln_2")
        self.h_1_ln_2.build((None, None, 16))
        self.h_1_mlp_c_fc = layers.Dense(64, name="h_1_mlp_c_fc")
        self.h_1_mlp_c_fc.build((None, 16))
        self.h_1_mlp_c_proj = layers.Dense(16, name="h_1_mlp_c_proj")
        self.h_1_mlp_c_proj.build((None, 64))
        self.ln_f = layers.LayerNormalization(epsilon=1e-05, name="ln_f")
        self.ln_f.build((None, None, 16))
        self.lm_head = layers.Dense(50, use_bias=False, name="lm_head")
        self.lm_head.build((None, 16))
        self.built = self.run_eagerly = True

    def call(self, idx):
        arange = ops.arange(ops.shape(idx)[1], dtype="int64")
        embedding = self.wte(idx)
        x = self.wpe(arange)
        x = embedding + x
        out = self.h_0_ln_1(x)
        out = self.h_0_attn_c_attn(out)
        getitem, getitem_2, getitem_3 = ops.split(out, 3, axis=-1)
        view = self.h_0_attn_reshape(getitem)
        view_2 = self.h_0_attn_reshape_2(getitem_2)
        view_3 = self.h_0_attn_reshape_3(getitem_3)
        out = ops.broadcast_to(
            ops.convert_to_tensor(1.0, "float32"),
            (ops.shape(idx)[1], ops.shape(idx)[1]),
        )
        out = ops.tril(out, 0)
        out = ops.equal(out, 0.0)
        out = ops.where(out, -3.4028234663852886e38, 0.0)
        out = ops.expand_dims(out, (0, 1))
        out = ops.dot_product_attention(view, view_2, view_3, bias=out)
        out = self.h_0_attn_reshape_4(out)
        out = self.h_0_attn_c_proj(out)
        x = x + out
        out = self.h_0_ln_2(x)
        out = self.h_0_mlp_c_fc(out)
        out = ops.gelu(out)
        out = self.h_0_mlp_c_proj(out)
        x = x + out
        out = self.h_1_ln_1(x)
        out = self.h_1_attn_c_attn(out)
        getitem_4, getitem_5, getitem_6 = ops.split(out, 3, axis=-1)
        view_4 = self.h_1_attn_reshape(getitem_4)
        view_5 = self.h_1_attn_reshape_2(getitem_5)
        view_6 = self.h_1_attn_reshape_3(getitem_6)
        out = ops.broadcast_to(
            ops.convert_to_tensor(1.0, "float32"),
            (ops.shape(idx)[1], ops.shape(idx)[1]),
        )
        out = ops.tril(out, 0)
        out = ops.equal(out, 0.0)
        out = ops.where(out, -3.4028234663852886e38, 0.0)
        out = ops.expand_dims(out, (0, 1))
        out = ops.dot_product_attention(view_4, view_5, view_6, bias=out)
        out = self.h_1_attn_reshape_4(out)
        out = self.h_1_attn_c_proj(out)
        x = x + out
        out = self.h_1_ln_2(x)
        out = self.h_1_mlp_c_fc(out)
        out = ops.gelu(out)
        out = self.h_1_mlp_c_proj(out)
        x = x + out
        x = self.ln_f(x)
        return self.lm_head(x)


def build_model():
    """GPT with fresh weights."""
    return GPT()


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
