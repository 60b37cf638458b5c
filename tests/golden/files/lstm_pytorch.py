"""Tagger in PyTorch, converted from lstm.onnx (ONNX).

Input tokens: int64 (batch, sequence)
Output linear: float32 (batch, sequence, 5)
"""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn


def recurrent_outputs(result, directions):
    """What ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN`` give, with the directions on an axis of their own."""
    y, states = result
    states = states if isinstance(states, tuple) else (states,)
    return y.unflatten(-1, (directions, -1)).transpose(1, 2), *states


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 12, bidirectional=True)
        self.lstm_2 = nn.LSTM(24, 12, bidirectional=True)
        self.fc = nn.Linear(24, 5)

    def forward(self, tokens):
        x = self.embedding(tokens).transpose(0, 1)
        x = recurrent_outputs(self.lstm(x), 2)[0]
        x = x.transpose(1, 2).reshape(x.shape[0], -1, 24)
        x = recurrent_outputs(self.lstm_2(x), 2)[0]
        x = x.transpose(1, 2).reshape(x.shape[0], -1, 24).transpose(0, 1)
        return self.fc(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = Tagger()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
