"""GPT in PyTorch, converted from gpt.onnx (ONNX).

Input idx: int64 (batch, sequence)
Output linear_8: float32 (batch, sequence, 50)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class CausalSelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = nn.Linear(16, 48)
        self.c_proj = nn.Linear(16, 16)

    def forward(self, x):
        query, key, value = self.c_attn(x).chunk(3, dim=-1)
        query = query.unflatten(-1, (4, 4)).transpose(1, 2)
        key = key.unflatten(-1, (4, 4)).transpose(1, 2)
        value = value.unflatten(-1, (4, 4)).transpose(1, 2)
        x = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.c_proj(x.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_fc = nn.Linear(16, 64)
        self.c_proj = nn.Linear(64, 16)

    def forward(self, x):
        x = F.gelu(self.c_fc(x), approximate="tanh")
        return self.c_proj(x)


class GPTBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = nn.LayerNorm(16)
        self.attn = CausalSelfAttention()
        self.ln_2 = nn.LayerNorm(16)
        self.mlp = MLP()

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(50, 16)
        self.wpe = nn.Embedding(16, 16)
        self.h = nn.ModuleList([GPTBlock(), GPTBlock()])
        self.ln_f = nn.LayerNorm(16)
        self.lm_head = nn.Linear(16, 50, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, idx):
        positions = torch.arange(idx.shape[1], device=idx.device)
        x = self.wte(idx) + self.wpe(positions)
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def load_model():
    """The model with its weights, ready for inference."""
    model = GPT()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
