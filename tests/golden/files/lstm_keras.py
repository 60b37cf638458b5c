"""Tagger in Keras 3, converted from lstm.onnx (ONNX).

Input tokens: int64 (batch, sequence)
Output linear: float32 (batch, sequence, 5)
"""

from pathlib import Path

import keras
from keras import layers, ops


def recurrent_outputs(results, backwards):
    """What a layer for each direction gives, directions on an axis of their own: behind time, and first of the states."""
    outputs = [
        ops.flip(y, axis=1) if back else y for (y, *_), back in zip(results, backwards)
    ]
    states = zip(*(states for _, *states in results))
    return ops.stack(outputs, axis=2), *(ops.stack(state) for state in states)


def build_model():
    """Tagger, channels last, with fresh weights."""
    tokens = keras.Input((None,), dtype="int64", name="tokens")
    embedding = layers.Embedding(50, 8, name="embedding")(tokens)
    lstm = layers.LSTM(12, return_sequences=True, return_state=True, name="lstm")(
        embedding
    )
    x = layers.LSTM(
        12, return_sequences=True, return_state=True, go_backwards=True, name="lstm_2"
    )(embedding)
    x = recurrent_outputs([lstm, x], (False, True))[0]
    val = layers.Reshape((-1, 24), name="lstm_3")(x)
    forward = layers.LSTM(12, return_sequences=True, return_state=True, name="lstm_4")(
        val
    )
    x = layers.LSTM(
        12, return_sequences=True, return_state=True, go_backwards=True, name="lstm_5"
    )(val)
    x = recurrent_outputs([forward, x], (False, True))[0]
    x = layers.Reshape((-1, 24), name="lstm_6")(x)
    x = layers.Dense(5, name="fc")(x)
    return keras.Model(tokens, x, name="Tagger")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
