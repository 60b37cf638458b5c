"""ResNet in PyTorch, converted from resnet.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, hidden_channels, out_channels, stride=1):
        super().__init__()
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(8, 16, 1, stride=stride, bias=False), nn.BatchNorm2d(16)
            )
            if stride != 1
            else nn.Identity()
        )
        self.conv1 = nn.Conv2d(
            hidden_channels, out_channels, 3, stride=stride, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        downsample = self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)) + downsample, inplace=True)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 8))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, stride=2), BasicBlock(16, 16))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        x = torch.flatten(self.avgpool(self.layer2(self.layer1(x))), 1)
        return self.fc(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = ResNet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
