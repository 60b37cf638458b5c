"""Tagger in Keras 3, converted from lstm.onnx (ONNX).

Input tokens: int64 (batch, sequence)
Output linear: float32 (batch, sequence, 5)
"""

from pathlib import Path

import keras
from keras import layers, ops


def build_model():
    """Tagger, channels last, with fresh weights."""
    tokens = keras.Input((None,), dtype="int64", name="tokens")
    embedding = layers.Embedding(50, 8, name="embedding")(tokens)
    lstm = layers.LSTM(12, return_sequences=True, name="lstm")(embedding)
    x = layers.LSTM(12, return_sequences=True, go_backwards=True, name="lstm_2")(
        embedding
    )
    val = ops.concatenate([lstm, ops.flip(x, axis=1)], axis=-1)
    forward = layers.LSTM(12, return_sequences=True, name="lstm_3")(val)
    x = layers.LSTM(12, return_sequences=True, go_backwards=True, name="lstm_4")(val)
    x = ops.concatenate([forward, ops.flip(x, axis=1)], axis=-1)
    x = layers.Dense(5, name="fc")(x)
    return keras.Model(tokens, x, name="Tagger")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
