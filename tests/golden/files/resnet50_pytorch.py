"""Resnet50 in PyTorch, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 3, 224, 224)
Output softmax_1: float32 (batch, 1000)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.branch2a = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.branch2a_bn = nn.BatchNorm2d(channels // 4, eps=1.0000001e-05)
        self.branch2b = nn.Conv2d(
            channels // 4, channels // 4, 3, padding=1, bias=False
        )
        self.branch2b_bn = nn.BatchNorm2d(channels // 4, eps=1.0000001e-05)
        self.branch2c = nn.Conv2d(channels // 4, channels, 1, bias=False)
        self.branch2c_bn = nn.BatchNorm2d(channels, eps=1.0000001e-05)

    def forward(self, x):
        out = F.relu(self.branch2a_bn(self.branch2a(x)), inplace=True)
        out = F.relu(self.branch2b_bn(self.branch2b(out)), inplace=True)
        return F.relu(self.branch2c_bn(self.branch2c(out)) + x, inplace=True)


class ProjectionBlock(nn.Module):
    def __init__(self, in_channels, hidden_channels, out_channels, stride=1):
        super().__init__()
        self.branch2a = nn.Conv2d(in_channels, hidden_channels, 1, bias=False)
        self.branch2a_bn = nn.BatchNorm2d(hidden_channels, eps=1.0000001e-05)
        self.branch2b = nn.Conv2d(
            hidden_channels, hidden_channels, 3, stride=stride, padding=1, bias=False
        )
        self.branch2b_bn = nn.BatchNorm2d(hidden_channels, eps=1.0000001e-05)
        self.branch2c = nn.Conv2d(hidden_channels, out_channels, 1, bias=False)
        self.branch2c_bn = nn.BatchNorm2d(out_channels, eps=1.0000001e-05)
        self.branch1 = nn.Conv2d(
            in_channels, out_channels, 1, stride=stride, bias=False
        )
        self.branch1_bn = nn.BatchNorm2d(out_channels, eps=1.0000001e-05)

    def forward(self, x):
        out = F.relu(self.branch2a_bn(self.branch2a(x)), inplace=True)
        out = F.relu(self.branch2b_bn(self.branch2b(out)), inplace=True)
        out = self.branch2c_bn(self.branch2c(out))
        return F.relu(out + self.branch1_bn(self.branch1(x)), inplace=True)


class Resnet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.res_conv1_bn = nn.BatchNorm2d(64, eps=1.0000001e-05)
        self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.res2 = nn.Sequential(
            ProjectionBlock(64, 64, 256), ResidualBlock(256), ResidualBlock(256)
        )
        self.res3 = nn.Sequential(
            ProjectionBlock(256, 128, 512, stride=2),
            *(ResidualBlock(512) for _ in range(3)),
        )
        self.res4 = nn.Sequential(
            ProjectionBlock(512, 256, 1024, stride=2),
            *(ResidualBlock(1024) for _ in range(5)),
        )
        self.res5 = nn.Sequential(
            ProjectionBlock(1024, 512, 2048, stride=2),
            ResidualBlock(2048),
            ResidualBlock(2048),
        )
        self.average_pool = nn.AvgPool2d(7, stride=1)
        self.pred = nn.Linear(2048, 1000)

    def forward(self, data_0):
        x = self.max_pool(F.relu(self.res_conv1_bn(self.conv1(data_0)), inplace=True))
        x = self.res3(self.res2(x))
        x = torch.flatten(self.average_pool(self.res5(self.res4(x))), 1)
        return F.softmax(self.pred(x), dim=-1)


def load_model():
    """The model with its weights, ready for inference."""
    model = Resnet50()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
