"""Tagger in PyTorch, converted from lstm.onnx (ONNX).

Input tokens: int64 (batch, sequence)
Output linear: float32 (batch, sequence, 5)
"""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 12, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(24, 5)

    def forward(self, tokens):
        x = self.embedding(tokens)
        x = self.lstm(x)[0]
        return self.fc(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = Tagger()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
