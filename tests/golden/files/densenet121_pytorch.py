"""Densenet121 in PyTorch, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 3, 224, 224)
Output fc6_1: float32 (batch, 1000, 1, 1)
"""

from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class DenseLayer(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.x1_bn = nn.BatchNorm2d(in_channels)
        self.x1 = nn.Conv2d(in_channels, 128, 1, bias=False)
        self.x2_bn = nn.BatchNorm2d(128)
        self.x2 = nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def forward(self, x):
        out = self.x1(F.relu(self.x1_bn(x), inplace=True))
        out = self.x2(F.relu(self.x2_bn(out), inplace=True))
        return torch.cat([x, out], dim=1)


class Densenet121(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.conv1_bn = nn.BatchNorm2d(64)
        self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2 = nn.Sequential(
            OrderedDict({f"{i + 1}": DenseLayer(64 + 32 * i) for i in range(6)})
        )
        self.conv2_blk_bn = nn.BatchNorm2d(256)
        self.conv2_blk = nn.Conv2d(256, 128, 1, bias=False)
        self.average_pool = nn.AvgPool2d(2)
        self.conv3 = nn.Sequential(
            OrderedDict({f"{i + 1}": DenseLayer(128 + 32 * i) for i in range(12)})
        )
        self.conv3_blk_bn = nn.BatchNorm2d(512)
        self.conv3_blk = nn.Conv2d(512, 256, 1, bias=False)
        self.conv4 = nn.Sequential(
            OrderedDict({f"{i + 1}": DenseLayer(256 + 32 * i) for i in range(24)})
        )
        self.conv4_blk_bn = nn.BatchNorm2d(1024)
        self.conv4_blk = nn.Conv2d(1024, 512, 1, bias=False)
        self.conv5 = nn.Sequential(
            OrderedDict({f"{i + 1}": DenseLayer(512 + 32 * i) for i in range(16)})
        )
        self.conv5_blk_bn = nn.BatchNorm2d(1024)
        self.global_average_pool = nn.AdaptiveAvgPool2d(1)
        self.fc6 = nn.Conv2d(1024, 1000, 1)

    def forward(self, data_0):
        x = self.max_pool(F.relu(self.conv1_bn(self.conv1(data_0)), inplace=True))
        x = F.relu(self.conv2_blk_bn(self.conv2(x)), inplace=True)
        x = self.average_pool(self.conv2_blk(x))
        x = F.relu(self.conv3_blk_bn(self.conv3(x)), inplace=True)
        x = self.average_pool(self.conv3_blk(x))
        x = F.relu(self.conv4_blk_bn(self.conv4(x)), inplace=True)
        x = self.average_pool(self.conv4_blk(x))
        x = self.global_average_pool(
            F.relu(self.conv5_blk_bn(self.conv5(x)), inplace=True)
        )
        return self.fc6(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = Densenet121()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
