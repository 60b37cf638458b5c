"""GoogLeNet in PyTorch, converted from inception.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class BasicConv2d(nn.Module):
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
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    def __init__(self, in_channels, branch1_channels, branch2_channels):
        super().__init__()
        self.branch1 = BasicConv2d(in_channels, branch1_channels, 1)
        self.branch2 = nn.Sequential(
            BasicConv2d(in_channels, 4, 1), BasicConv2d(4, branch2_channels, 3)
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(in_channels, 2, 1), BasicConv2d(2, 4, 5)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), BasicConv2d(in_channels, 4, 1)
        )

    def forward(self, x):
        return torch.cat(
            [self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1
        )


class GoogLeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = BasicConv2d(3, 8, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(8, 4, 8)
        self.inception3b = Inception(20, 8, 6)
        self.global_average_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(22, 10)

    def forward(self, x):
        x = self.inception3a(self.maxpool1(self.conv1(x)))
        x = torch.flatten(self.global_average_pool(self.inception3b(x)), 1)
        return self.fc(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = GoogLeNet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
