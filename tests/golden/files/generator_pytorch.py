"""Generator in PyTorch, converted from generator.onnx (ONNX).

Input z: float32 (batch, 12)
Output tanh: float32 (batch, 3, 16, 16)
"""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(12, 256)
        self.main = nn.Sequential(
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z):
        x = self.project(z).unflatten(-1, (16, 4, 4))
        return self.main(x)


def load_model():
    """The model with its weights, ready for inference."""
    model = Generator()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
