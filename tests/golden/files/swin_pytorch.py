"""SwinTransformer in PyTorch, converted from swin.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output linear_13: float32 (batch, 10)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


def window_partition(x, size):
    """(batch, height, width, channels) as (batch * windows, size, size, channels)."""
    _, height, width, channels = x.shape
    x = x.reshape(-1, height // size, size, width // size, size, channels)
    return x.transpose(2, 3).reshape(-1, size, size, channels)


def window_reverse(windows, size, height, width):
    """(batch * windows, ..., channels) put back as (batch, height, width, channels)."""
    channels = windows.shape[-1]
    x = windows.reshape(-1, height // size, width // size, size, size, channels)
    return x.transpose(2, 3).reshape(-1, height, width, channels)


class WindowAttention(nn.Module):
    def __init__(self, features, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(features, 3 * features)
        self.relative_position_bias = nn.Parameter(torch.zeros(num_heads, 16, 16))
        self.proj = nn.Linear(features, features)

    def forward(self, x):
        x = self.qkv(x).unflatten(-1, (3, self.num_heads, 4))
        query, key, value = x.permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(
            query, key, value, attn_mask=self.relative_position_bias
        )
        return self.proj(x.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.fc1 = nn.Linear(features, 2 * features)
        self.fc2 = nn.Linear(2 * features, features)

    def forward(self, x):
        x = F.gelu(self.fc1(x))
        return self.fc2(x)


class PatchMerging(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(32)
        self.reduction = nn.Linear(32, 16, bias=False)

    def forward(self, x):
        x = torch.cat(
            [x[:, ::2, ::2], x[:, 1::2, ::2], x[:, ::2, 1::2], x[:, 1::2, 1::2]], dim=-1
        )
        return self.reduction(self.norm(x))


class SwinBlock(nn.Module):
    def __init__(self, features, num_heads, shift=0):
        super().__init__()
        self.shift = shift
        self.norm1 = nn.LayerNorm(features)
        self.attn = WindowAttention(features, num_heads)
        self.norm2 = nn.LayerNorm(features)
        self.mlp = Mlp(features)

    def forward(self, x):
        height, width = x.shape[1:3]
        out = torch.roll(self.norm1(x), (-self.shift, -self.shift), (1, 2))
        out = window_partition(out, 4)
        out = self.attn(out.flatten(1, 2))
        out = window_reverse(out, 4, height, width)
        x = x + torch.roll(out, (self.shift, self.shift), (1, 2))
        return x + self.mlp(self.norm2(x))


class SwinTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 8, 4, stride=4)
        self.stage1 = nn.Sequential(SwinBlock(8, 2), SwinBlock(8, 2, shift=2))
        self.merge = PatchMerging()
        self.stage2 = nn.Sequential(SwinBlock(16, 4))
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.patch_embed(x).permute(0, 2, 3, 1)
        x = self.merge(self.stage1(x))
        x = torch.mean(self.norm(self.stage2(x)), dim=(1, 2))
        return self.head(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = SwinTransformer()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
