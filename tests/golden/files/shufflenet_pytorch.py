"""Shufflenet in PyTorch, converted from model.onnx (ONNX).

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
        self.gconv1 = nn.Conv2d(channels, channels, 1, groups=4, bias=False)
        self.gconv1_bn = nn.BatchNorm2d(channels)
        self.gconv3 = nn.Conv2d(
            channels, channels, 3, padding=1, groups=channels, bias=False
        )
        self.gconv3_bn = nn.BatchNorm2d(channels)
        self.gconv1_2 = nn.Conv2d(channels, channels, 1, groups=4, bias=False)
        self.gconv1_2_bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.gconv1_bn(self.gconv1(x)), inplace=True)
        out = self.gconv3_bn(self.gconv3(F.channel_shuffle(out, 4)))
        return F.relu(self.gconv1_2_bn(self.gconv1_2(out)) + x, inplace=True)


class Block(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.gconv1 = nn.Conv2d(in_channels, out_channels, 1, groups=4, bias=False)
        self.gconv1_bn = nn.BatchNorm2d(out_channels)
        self.gconv3 = nn.Conv2d(
            out_channels,
            out_channels,
            3,
            stride=2,
            padding=1,
            groups=out_channels,
            bias=False,
        )
        self.gconv3_bn = nn.BatchNorm2d(out_channels)
        self.gconv1_2 = nn.Conv2d(out_channels, out_channels, 1, groups=4, bias=False)
        self.gconv1_2_bn = nn.BatchNorm2d(out_channels)
        self.average_pool = nn.AvgPool2d(
            3, stride=2, padding=1, count_include_pad=False
        )

    def forward(self, x):
        out = F.relu(self.gconv1_bn(self.gconv1(x)), inplace=True)
        out = self.gconv3_bn(self.gconv3(F.channel_shuffle(out, 4)))
        gconv1_2_bn = self.gconv1_2_bn(self.gconv1_2(out))
        x = self.average_pool(x)
        x = torch.cat([gconv1_2_bn, x], dim=1)
        return F.relu(x)


class Shufflenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv3_0 = nn.Conv2d(3, 24, 3, stride=2, padding=1)
        self.conv3_0_bn = nn.BatchNorm2d(24)
        self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.blocks = nn.Sequential(
            Block(24, 112),
            *(ResidualBlock(136) for _ in range(3)),
            Block(136, 136),
            *(ResidualBlock(272) for _ in range(7)),
            Block(272, 272),
            *(ResidualBlock(544) for _ in range(3)),
        )
        self.average_pool = nn.AvgPool2d(7, stride=1)
        self.pred = nn.Linear(544, 1000)

    def forward(self, data_0):
        x = self.max_pool(F.relu(self.conv3_0_bn(self.conv3_0(data_0)), inplace=True))
        x = torch.flatten(self.average_pool(self.blocks(x)), 1)
        return F.softmax(self.pred(x), dim=-1)


def load_model():
    """The model with its weights, ready for inference."""
    model = Shufflenet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
