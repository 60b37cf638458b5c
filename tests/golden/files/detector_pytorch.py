"""Detector in PyTorch, converted from detector.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output transpose: float32 (batch, 80, 4)
Output sigmoid: float32 (batch, 80, 3)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class Conv(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001, momentum=0.03)

    def forward(self, x):
        return F.silu(self.bn(self.conv(x)), inplace=True)


class Detect(nn.Module):
    def __init__(self):
        super().__init__()
        self.box = nn.ModuleList([nn.Conv2d(16, 4, 1), nn.Conv2d(16, 4, 1)])
        self.cls = nn.ModuleList([nn.Conv2d(16, 3, 1), nn.Conv2d(16, 3, 1)])

    def forward(self, x, silu):
        view = self.box[0](x).flatten(2)
        view_2 = self.box[1](silu).flatten(2)
        view_3 = self.cls[0](x).flatten(2)
        view_4 = self.cls[1](silu).flatten(2)
        x = torch.cat([view, view_2], dim=-1)
        transpose = x.transpose(1, 2)
        x = torch.cat([view_3, view_4], dim=-1)
        x = x.transpose(1, 2)
        x = torch.sigmoid(x)
        return transpose, x


class C2f(nn.Module):
    def __init__(self):
        super().__init__()
        self.cv1 = Conv(16, 16, 1)
        self.m = nn.ModuleList([Conv(8, 8, 3), Conv(8, 8, 3)])
        self.cv2 = Conv(32, 16, 1)

    def forward(self, x):
        first, second = self.cv1(x).chunk(2, dim=1)
        silu = self.m[0](second)
        x = self.m[1](silu)
        x = torch.cat([first, second, silu, x], dim=1)
        return self.cv2(x)


class C2f2(nn.Module):
    def __init__(self):
        super().__init__()
        self.cv1 = Conv(16, 16, 1)
        self.m = nn.ModuleList([Conv(8, 8, 3)])
        self.cv2 = Conv(24, 16, 1)

    def forward(self, x):
        first, second = self.cv1(x).chunk(2, dim=1)
        x = self.m[0](second)
        x = torch.cat([first, second, x], dim=1)
        return self.cv2(x)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Conv(3, 8, 3, stride=2)
        self.stage1 = nn.Sequential(Conv(8, 16, 3, stride=2), C2f())
        self.stage2 = nn.Sequential(Conv(16, 16, 3, stride=2), C2f2())
        self.lateral = Conv(32, 16, 1)
        self.detect = Detect()

    def forward(self, x):
        stage1 = self.stage1(self.stem(x))
        stage2 = self.stage2(stage1)
        x = F.interpolate(stage2, size=8)
        x = torch.cat([x, stage1], dim=1)
        x = self.lateral(x)
        return self.detect(x, stage2)


def load_model():
    """The model with its weights, ready for inference."""
    model = Detector()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
