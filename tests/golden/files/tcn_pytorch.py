"""TemporalConvNet in PyTorch, converted from tcn.onnx (ONNX).

Input x: float32 (batch, 4, 24)
Output linear: float32 (batch, 3)
"""

from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class TemporalBlock(nn.Module):
    def __init__(self, in_channels, padding, dilation=1, downsample=False):
        super().__init__()
        self.padding = padding
        self.conv1 = nn.Conv1d(in_channels, 8, 3, dilation=dilation)
        self.conv2 = nn.Conv1d(8, 8, 3, dilation=dilation)
        self.downsample = nn.Conv1d(4, 8, 1) if downsample else nn.Identity()

    def forward(self, x):
        out = F.relu(self.conv1(F.pad(x, (self.padding, 0))), inplace=True)
        out = F.relu(self.conv2(F.pad(out, (self.padding, 0))), inplace=True)
        return F.relu(out + self.downsample(x), inplace=True)


class TemporalConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(
            TemporalBlock(4, 2, downsample=True),
            TemporalBlock(8, 4, dilation=2),
            TemporalBlock(8, 8, dilation=4),
        )
        self.linear = nn.Linear(8, 3)

    def forward(self, x):
        x = self.network(x)[:, :, -1]
        return self.linear(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = TemporalConvNet()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
