"""Llama in PyTorch, converted from llama.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Output linear_14: float32 (batch, sequence, 50)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


def parts_of(x, sizes, axis, keep=True):
    """Parts along an axis, of one size but for the last one, or of a list of sizes; with or without the axis."""
    return list(torch.split(x, sizes, axis) if keep else torch.unbind(x, axis))


class LlamaAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(16, 16, bias=False)
        self.k_proj = nn.Linear(16, 8, bias=False)
        self.v_proj = nn.Linear(16, 8, bias=False)
        self.o_proj = nn.Linear(16, 16, bias=False)

    def forward(self, x, cos, sin, input_ids):
        out = self.q_proj(x)
        transpose = out.reshape(out.shape[0], -1, 4, 4).transpose(1, 2)
        out = self.k_proj(x)
        transpose_2 = out.reshape(out.shape[0], -1, 2, 4).transpose(1, 2)
        x = self.v_proj(x)
        transpose_3 = x.reshape(x.shape[0], -1, 2, 4).transpose(1, 2)
        mul = transpose * cos
        split = parts_of(transpose, 2, -1)
        getitem = split[0]
        x = split[1]
        x = -x
        x = torch.cat([x, getitem], dim=-1)
        x = mul + x * sin
        mul_2 = transpose_2 * cos
        split_2 = parts_of(transpose_2, 2, -1)
        getitem_2 = split_2[0]
        out = split_2[1]
        out = -out
        out = torch.cat([out, getitem_2], dim=-1)
        add = mul_2 + out * sin
        out = torch.full((x.shape[2], add.shape[2]), 1.0, dtype=torch.float32)
        out = torch.tril(out, 0)
        out = out == 0.0
        val = torch.where(out, -3.4028234663852886e38, 0.0)
        val_2 = torch.unsqueeze(add, 2)
        val_3 = torch.unsqueeze(transpose_3, 2)
        val_4 = torch.broadcast_to(
            val_2,
            torch.broadcast_shapes(val_2.shape, (x.shape[0], 2, 2, val_2.shape[3], 4)),
        )
        val_5 = torch.broadcast_to(
            val_3,
            torch.broadcast_shapes(val_3.shape, (x.shape[0], 2, 2, val_4.shape[3], 4)),
        )
        val_6 = val_4.reshape(-1, 4, val_4.shape[3], 4)
        out = val_5.reshape(val_6.shape[0], 4, -1, 4)
        x = F.scaled_dot_product_attention(x, val_6, out, attn_mask=val)
        x = x.transpose(1, 2)
        x = x.reshape(input_ids.shape[0], -1, 16)
        return self.o_proj(x)


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

    def forward(self, x, cos, sin, input_ids):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, input_ids)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(50, 16)
        self.inv_freq = nn.Parameter(torch.ones(2))
        self.layers = nn.ModuleList([DecoderLayer(), DecoderLayer()])
        self.norm = nn.RMSNorm(16, eps=1e-06)
        self.lm_head = nn.Linear(16, 50, bias=False)

    def forward(self, input_ids):
        embed_tokens = self.embed_tokens(input_ids)
        x = torch.arange(input_ids.shape[1])
        x = x.to(torch.float32).reshape((-1, 1))
        x = x * self.inv_freq
        x = torch.cat([x, x], dim=-1)
        cos = torch.cos(x)
        sin = torch.sin(x)
        for layer in self.layers:
            embed_tokens = layer(embed_tokens, cos, sin, input_ids)
        return self.lm_head(self.norm(embed_tokens))


def load_model():
    """The model with its weights, ready for inference."""
    model = Llama()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
