"""ConvNeXt in PyTorch, converted from convnext.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output linear_8: float32 (batch, 10)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-06)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        out = F.gelu(self.pwconv1(self.norm(self.dwconv(x).permute(0, 2, 3, 1))))
        out = self.gamma * self.pwconv2(out)
        out = out.permute(0, 3, 1, 2)
        return x + out


class ConvNeXt(nn.Module):
    def __init__(self):
        super().__init__()
        self.downsample_layers = nn.ModuleList(
            [
                nn.ModuleList(
                    [nn.Conv2d(3, 8, 4, stride=4), nn.LayerNorm(8, eps=1e-06)]
                ),
                nn.ModuleList(
                    [nn.LayerNorm(8, eps=1e-06), nn.Conv2d(8, 16, 2, stride=2)]
                ),
            ]
        )
        self.stages = nn.ModuleList(
            [
                nn.Sequential(ConvNeXtBlock(8), ConvNeXtBlock(8)),
                nn.Sequential(ConvNeXtBlock(16), ConvNeXtBlock(16)),
            ]
        )
        self.norm = nn.LayerNorm(16, eps=1e-06)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.downsample_layers[0][0](x).permute(0, 2, 3, 1)
        x = self.stages[0](self.downsample_layers[0][1](x).permute(0, 3, 1, 2))
        x = x.permute(0, 2, 3, 1)
        x = self.downsample_layers[1][0](x).permute(0, 3, 1, 2)
        x = self.downsample_layers[1][1](x)
        return self.head(self.norm(torch.mean(self.stages[1](x), dim=(2, 3))))


def load_model():
    """The model with its weights, ready for inference."""
    model = ConvNeXt()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
