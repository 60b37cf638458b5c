"""Bert in PyTorch, converted from bert.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Input attention_mask: int64 (batch, sequence)
Output linear_13: float32 (batch, 3)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(16, 16)
        self.key = nn.Linear(16, 16)
        self.value = nn.Linear(16, 16)
        self.output = nn.Linear(16, 16)

    def forward(self, x, mul):
        query = self.query(x).unflatten(-1, (4, 4)).transpose(1, 2)
        key = self.key(x).unflatten(-1, (4, 4))
        value = self.value(x).unflatten(-1, (4, 4)).transpose(1, 2)
        x = key.permute(0, 2, 3, 1)
        x = F.softmax(query @ x / 2.0 + mul, dim=-1) @ value
        return self.output(x.transpose(1, 2).flatten(2))


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("position_ids", torch.zeros(1, 16, dtype=torch.int64))
        self.word_embeddings = nn.Embedding(50, 16)
        self.position_embeddings = nn.Embedding(16, 16)
        self.LayerNorm = nn.LayerNorm(16, eps=1e-12)

    def forward(self, input_ids):
        x = self.position_ids[:, : input_ids.shape[1]]
        x = self.word_embeddings(input_ids) + self.position_embeddings(x)
        return self.LayerNorm(x)


class EncoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = SelfAttention()
        self.norm1 = nn.LayerNorm(16, eps=1e-12)
        self.intermediate = nn.Linear(16, 32)
        self.output = nn.Linear(32, 16)
        self.norm2 = nn.LayerNorm(16, eps=1e-12)

    def forward(self, x, mul):
        x = self.norm1(x + self.attention(x, mul))
        return self.norm2(x + self.output(F.gelu(self.intermediate(x))))


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = Embeddings()
        self.layer = nn.ModuleList([EncoderLayer(), EncoderLayer()])
        self.pooler = nn.Linear(16, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids, attention_mask):
        mul = (
            1.0 - attention_mask[:, None, None].to(torch.float32)
        ) * -3.4028234663852886e38
        x = self.embeddings(input_ids)
        for layer in self.layer:
            x = layer(x, mul)
        out = torch.tanh(self.pooler(x[:, 0]))
        return self.classifier(out)


def load_model():
    """The model with its weights, ready for inference."""
    model = Bert()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
