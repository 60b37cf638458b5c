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
        activation=nn.Identity,
    ):
        super().__init__(
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride=stride,
                padding=kernel_size // 2,
                groups=groups,
                bias=False,
            ),
            nn.BatchNorm2d(out_channels, eps=0.001, momentum=0.01),
            activation(inplace=True),
        )


class SqueezeExcitation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, channels // 4, 1)
        self.fc2 = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        out = F.relu(self.fc1(self.avgpool(x)), inplace=True)
        return x * F.hardsigmoid(self.fc2(out))


class InvertedResidual(nn.Module):
    def __init__(
        self,
        in_channels,
        hidden_channels,
        out_channels,
        activation,
        stride=1,
        squeeze_excitation=False,
    ):
        super().__init__()
        self.use_residual = stride == 1 and in_channels == out_channels
        layers = []
        if in_channels != hidden_channels:
            layers.append(
                ConvNormActivation(
                    in_channels, hidden_channels, 1, activation=activation
                )
            )
        layers.append(
            ConvNormActivation(
                hidden_channels,
                hidden_channels,
                3,
                stride=stride,
                groups=hidden_channels,
                activation=activation,
            )
        )
        if squeeze_excitation:
            layers.append(SqueezeExcitation(hidden_channels))
        layers.append(ConvNormActivation(hidden_channels, out_channels, 1))
        self.block = nn.Sequential(*layers)

    def forward(self, x):
        out = self.block(x)
        return x + out if self.use_residual else out


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            ConvNormActivation(3, 8, 3, stride=2, activation=nn.Hardswish),
            InvertedResidual(8, 8, 8, nn.ReLU, squeeze_excitation=True),
            InvertedResidual(8, 24, 12, nn.ReLU, stride=2),
            InvertedResidual(12, 32, 12, nn.ReLU),
            InvertedResidual(
                12, 32, 16, nn.Hardswish, stride=2, squeeze_excitation=True
            ),
            InvertedResidual(16, 48, 16, nn.Hardswish, squeeze_excitation=True),
            ConvNormActivation(16, 32, 1, activation=nn.Hardswish),
        )
        self.global_average_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(32, 24), nn.Hardswish(), nn.Identity(), nn.Linear(24, 10)
        )

    def forward(self, x):
        x = torch.flatten(self.global_average_pool(self.features(x)), 1)
        return self.classifier(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = MobileNet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
