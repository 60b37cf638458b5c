"""ShuffleNet in PyTorch, converted from shuffle.onnx (ONNX).

Input x: float32 (batch, 3, 16, 16)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class ShuffleUnit(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch1 = nn.Sequential(
            nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
        )
        self.branch2 = nn.Sequential(
            nn.Conv2d(8, 8, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        x = torch.cat([self.branch1(x), self.branch2(x)], dim=1)
        return F.channel_shuffle(x, 2)


class ShuffleUnit2(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch2 = nn.Sequential(
            nn.Conv2d(8, 8, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        first, second = x.chunk(2, dim=1)
        x = self.branch2(second)
        x = torch.cat([first, x], dim=1)
        return F.channel_shuffle(x, 2)


class ShuffleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
        )
        self.stage2 = nn.Sequential(ShuffleUnit(), ShuffleUnit2(), ShuffleUnit2())
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = torch.mean(self.stage2(self.conv1(x)), dim=(2, 3))
        return self.fc(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = ShuffleNet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
