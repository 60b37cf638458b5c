"""MobileNet in PyTorch, converted from mobilenet.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output linear_1: float32 (batch, 10)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class ConvNormActivation(nn.Sequential):
    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        groups=1,
        padding=0,
        hardswish=False,
    ):
        super().__init__(
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride=stride,
                padding=padding,
                bias=False,
                groups=groups,
            ),
            nn.BatchNorm2d(out_channels, eps=0.001, momentum=0.01),
            nn.Hardswish() if hardswish else nn.Identity(),
        )


class ConvNormActivation2(nn.Sequential):
    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, groups=1, padding=0
    ):
        super().__init__(
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                padding=padding,
                groups=groups,
                bias=False,
                stride=stride,
            ),
            nn.BatchNorm2d(out_channels, eps=0.001, momentum=0.01),
            nn.ReLU(),
        )


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, hidden_channels):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, hidden_channels, 1)
        self.fc2 = nn.Conv2d(hidden_channels, channels, 1)

    def forward(self, x):
        out = self.avgpool(x)
        out = F.relu(self.fc1(out))
        out = F.hardsigmoid(self.fc2(out))
        return x * out


class InvertedResidual(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(
            ConvNormActivation2(8, 8, 3, groups=8, padding=1),
            SqueezeExcitation(8, 2),
            ConvNormActivation(8, 8, 1),
        )

    def forward(self, x):
        return x + self.block(x)


class InvertedResidual2(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(
            ConvNormActivation2(8, 24, 1),
            ConvNormActivation2(24, 24, 3, stride=2, groups=24, padding=1),
            ConvNormActivation(24, 12, 1),
        )

    def forward(self, x):
        return self.block(x)


class InvertedResidual3(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(
            ConvNormActivation2(12, 32, 1),
            ConvNormActivation2(32, 32, 3, groups=32, padding=1),
            ConvNormActivation(32, 12, 1),
        )

    def forward(self, x):
        return x + self.block(x)


class InvertedResidual4(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(
            ConvNormActivation(12, 32, 1, hardswish=True),
            ConvNormActivation(
                32, 32, 3, stride=2, groups=32, padding=1, hardswish=True
            ),
            SqueezeExcitation(32, 8),
            ConvNormActivation(32, 16, 1),
        )

    def forward(self, x):
        return self.block(x)


class InvertedResidual5(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(
            ConvNormActivation(16, 48, 1, hardswish=True),
            ConvNormActivation(48, 48, 3, groups=48, padding=1, hardswish=True),
            SqueezeExcitation(48, 12),
            ConvNormActivation(48, 16, 1),
        )

    def forward(self, x):
        return x + self.block(x)


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            ConvNormActivation(3, 8, 3, stride=2, padding=1, hardswish=True),
            InvertedResidual(),
            InvertedResidual2(),
            InvertedResidual3(),
            InvertedResidual4(),
            InvertedResidual5(),
            ConvNormActivation(16, 32, 1, hardswish=True),
        )
        self.global_average_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(32, 24), nn.Hardswish(), nn.Identity(), nn.Linear(24, 10)
        )

    def forward(self, x):
        x = self.features(x)
        x = self.global_average_pool(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = MobileNet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
