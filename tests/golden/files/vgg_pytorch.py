"""VGG in PyTorch, converted from vgg.onnx (ONNX).

Input x: float32 (batch, 3, 32, 32)
Output linear_2: float32 (batch, 10)
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


class VGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 8, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(12, 12, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(192, 32),
            nn.ReLU(),
            nn.Identity(),
            nn.Linear(32, 32),
            nn.ReLU(),
            nn.Identity(),
            nn.Linear(32, 10),
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def load_model():
    """The model with its weights, ready for inference."""
    model = VGG()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
