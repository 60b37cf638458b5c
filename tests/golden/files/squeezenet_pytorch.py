"""SqueezenetOld in PyTorch, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 3, 224, 224)
Output softmaxout_1: float32 (batch, 1000, 1, 1)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class Block(nn.Module):
    def __init__(self, in_channels, hidden_channels, out_channels):
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(in_channels, hidden_channels, 1)
        self.expand1x1 = nn.Conv2d(hidden_channels, out_channels, 1)
        self.expand3x3 = nn.Conv2d(hidden_channels, out_channels, 3, padding=1)

    def forward(self, x):
        squeeze1x1 = F.relu(self.squeeze1x1(x), inplace=True)
        expand1x1 = F.relu(self.expand1x1(squeeze1x1), inplace=True)
        x = F.relu(self.expand3x3(squeeze1x1), inplace=True)
        return torch.cat([expand1x1, x], dim=1)


class SqueezenetOld(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2)
        self.max_pool = nn.MaxPool2d(3, stride=2)
        self.fire2 = Block(64, 16, 64)
        self.fire3 = Block(128, 16, 64)
        self.fire4 = Block(128, 32, 128)
        self.fire5 = Block(256, 32, 128)
        self.fire6 = Block(256, 48, 192)
        self.fire7 = Block(384, 48, 192)
        self.fire8 = Block(384, 64, 256)
        self.fire9 = Block(512, 64, 256)
        self.dropout = nn.Dropout()
        self.conv10 = nn.Conv2d(512, 1000, 1)
        self.global_average_pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, data_0):
        x = self.max_pool(F.relu(self.conv1(data_0), inplace=True))
        x = self.max_pool(self.fire3(self.fire2(x)))
        x = self.max_pool(self.fire5(self.fire4(x)))
        x = self.fire7(self.fire6(x))
        x = self.dropout(self.fire9(self.fire8(x)))
        return F.softmax(
            self.global_average_pool(F.relu(self.conv10(x), inplace=True)), dim=1
        )


def load_model():
    """The model with its weights, ready for inference."""
    model = SqueezenetOld()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
