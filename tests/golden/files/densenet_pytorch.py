"""DenseNet in PyTorch, converted from densenet.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class DenseLayer(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 16, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 4, 3, padding=1, bias=False)

    def forward(self, x):
        out = self.conv1(F.relu(self.norm1(x), inplace=True))
        out = self.conv2(F.relu(self.norm2(out), inplace=True))
        return torch.cat([x, out], dim=1)


class Transition(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(20)
        self.conv = nn.Conv2d(20, 10, 1, bias=False)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x):
        return self.pool(self.conv(F.relu(self.norm(x), inplace=True)))


class DenseBlock(nn.Module):
    def __init__(self, in_channels, hidden_channels, denselayer3=False):
        super().__init__()
        self.denselayer1 = DenseLayer(in_channels)
        self.denselayer2 = DenseLayer(hidden_channels)
        self.denselayer3 = DenseLayer(16) if denselayer3 else nn.Identity()

    def forward(self, x):
        x = self.denselayer2(self.denselayer1(x))
        return self.denselayer3(x)


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv0 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.denseblock1 = DenseBlock(8, 12, denselayer3=True)
        self.transition1 = Transition()
        self.denseblock2 = DenseBlock(10, 14)
        self.norm5 = nn.BatchNorm2d(18)
        self.global_average_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(18, 10)

    def forward(self, x):
        x = self.conv0(x)
        x = self.transition1(self.denseblock1(x))
        x = self.global_average_pool(
            F.relu(self.norm5(self.denseblock2(x)), inplace=True)
        )
        return self.classifier(torch.flatten(x, 1))


def load_model():
    """The model with its weights, ready for inference."""
    model = DenseNet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
