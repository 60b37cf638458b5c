"""Llama in PyTorch, converted from llama.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Output linear_14: float32 (batch, sequence, 50)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


def rotate_half(x):
    """The second half of the features turned negative, then the first."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


class LlamaAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(16, 16, bias=False)
        self.k_proj = nn.Linear(16, 8, bias=False)
        self.v_proj = nn.Linear(16, 8, bias=False)
        self.o_proj = nn.Linear(16, 16, bias=False)

    def forward(self, x, cos, sin):
        query = self.q_proj(x).unflatten(-1, (4, 4)).transpose(1, 2)
        key = self.k_proj(x).unflatten(-1, (2, 4)).transpose(1, 2)
        value = self.v_proj(x).unflatten(-1, (2, 4)).transpose(1, 2)
        query = query * cos + rotate_half(query) * sin
        key = key * cos + rotate_half(key) * sin
        x = F.scaled_dot_product_attention(
            query, key, value, is_causal=True, enable_gqa=True
        )
        return self.o_proj(x.transpose(1, 2).flatten(2))


class LlamaMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(16, 24, bias=False)
        self.up_proj = nn.Linear(16, 24, bias=False)
        self.down_proj = nn.Linear(24, 16, bias=False)

    def forward(self, x):
        x = F.silu(self.gate_proj(x)) * self.up_proj(x)
        return self.down_proj(x)


class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(16, eps=1e-06)
        self.self_attn = LlamaAttention()
        self.post_attention_layernorm = nn.RMSNorm(16, eps=1e-06)
        self.mlp = LlamaMLP()

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(50, 16)
        self.register_buffer("inv_freq", torch.ones(2))
        self.layers = nn.ModuleList([DecoderLayer(), DecoderLayer()])
        self.norm = nn.RMSNorm(16, eps=1e-06)
        self.lm_head = nn.Linear(16, 50, bias=False)

    def forward(self, input_ids):
        x = self.embed_tokens(input_ids)
        positions = torch.arange(input_ids.shape[1], device=input_ids.device).to(
            torch.float32
        )
        positions = positions.reshape((-1, 1))
        angles = positions * self.inv_freq
        angles = torch.cat([angles, angles], dim=-1)
        cos = torch.cos(angles)
        sin = torch.sin(angles)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.lm_head(self.norm(x))


def load_model():
    """The model with its weights, ready for inference."""
    model = Llama()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
