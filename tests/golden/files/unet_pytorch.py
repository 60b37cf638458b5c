"""UNet in PyTorch, converted from unet.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output conv2d_10: float32 (batch, 2, 32, 32)
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x, skip):
        x = self.up(x)
        x = torch.cat([skip, x], dim=1)
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc = DoubleConv(3, 4)
        self.down1 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(4, 8))
        self.down2 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(8, 16))
        self.up1 = Up(16, 8)
        self.up2 = Up(8, 4)
        self.outc = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        inc = self.inc(x)
        down1 = self.down1(inc)
        x = self.down2(down1)
        x = self.up1(x, down1)
        x = self.up2(x, inc)
        return self.outc(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = UNet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
