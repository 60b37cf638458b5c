"""Branches in PyTorch, converted from branches.mat (MATLAB layer table).

Input image: float32 (batch, 3, 11, 9)
Output prob: float32 (batch, 5)
Note: Output classes of 'prob', in order: 'ant', 'bee', 'cat', 'dog', 'eel'.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

CLASSES = ["ant", "bee", "cat", "dog", "eel"]


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("image_mean", torch.zeros(3, 1, 1))
        self.register_buffer("image_std", torch.ones(3, 1, 1))
        self.conv = nn.Conv2d(3, 6, (3, 2), stride=(2, 1))
        self.norm = nn.BatchNorm2d(6, eps=0.001)
        self.group = nn.Conv2d(6, 6, 3, padding=1, groups=2)
        self.lrn = nn.LocalResponseNorm(3, alpha=0.5, k=2.0)
        self.average = nn.AvgPool2d((3, 2), stride=2)
        self.up_explicit = nn.ConvTranspose2d(6, 3, (5, 4), stride=3)
        self.maximum = nn.MaxPool2d((2, 3), stride=2)
        self.up = nn.ConvTranspose2d(6, 4, (3, 4), stride=(2, 3))
        self.drop = nn.Dropout(p=0.3)
        self.fc = nn.Linear(630, 5)

    def forward(self, image):
        x = (image - self.image_mean) / self.image_std
        x = self.norm(self.conv(F.pad(x, (0, 1, 0, 1))))
        x = F.leaky_relu(x, negative_slope=0.1)
        lrn = self.lrn(self.group(x) + x)
        x = self.average(F.pad(lrn, (0, 1, 1, 0)))
        up_explicit = F.pad(self.up_explicit(x), (0, -1, -1, -1))
        x = self.maximum(F.pad(lrn, (1, 1, 0, 1), value=float("-inf")))
        x = F.pad(self.up(x), (0, -1, 0, -1))
        x = torch.clamp(x, min=0.0, max=0.5)
        x = torch.cat([up_explicit, x], dim=1)
        return F.softmax(self.fc(torch.flatten(self.drop(x), 1)), dim=-1)


def load_model():
    """The model with its weights, ready for inference."""
    model = Branches()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
