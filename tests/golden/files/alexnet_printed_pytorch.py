"""AlexNet in PyTorch, converted from AlexNet.txt (printed MATLAB layers).

Input data: float32 (batch, 3, 227, 227)
Output prob: float32 (batch, 1000)
Note: A printed list does not show connections: each layer is taken to read the one
  before it. What MATLAB shows for net.Connections, pasted below the list, would
  tell.
Note: The list does not show all of 'data': taken as NormalizationDimension element,
  as MATLAB's alexnet has it.
Note: The list does not show all of 'conv1', 'conv2', 'conv3', 'conv4', 'conv5':
  taken as DilationFactor 1, PaddingValue 0, the default.
Note: The list does not show all of 'norm1', 'norm2': taken as Alpha 0.0001, Beta
  0.75, K 1, as MATLAB's alexnet has it.
Note: layer 6 'conv2' (Convolution): filters of 48 channels after 96 channels are
  read as 2 groups.
Note: layer 12 'conv4' (Convolution): filters of 192 channels after 384 channels are
  read as 2 groups.
Note: layer 14 'conv5' (Convolution): filters of 192 channels after 384 channels are
  read as 2 groups.
Note: The source describes the layers without their weights: the converted model
  starts freshly initialised.
Note: The input is normalised with 'data_mean' (227×227×3), which the source does
  not hold: set it before use.
"""

import torch
import torch.nn.functional as F
from torch import nn


class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("data_mean", torch.zeros(3, 227, 227))
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.norm1 = nn.LocalResponseNorm(5)
        self.pool1 = nn.MaxPool2d(3, stride=2)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.norm2 = nn.LocalResponseNorm(5)
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.pool5 = nn.MaxPool2d(3, stride=2)
        self.fc6 = nn.Linear(9216, 4096)
        self.drop6 = nn.Dropout()
        self.fc7 = nn.Linear(4096, 4096)
        self.drop7 = nn.Dropout()
        self.fc8 = nn.Linear(4096, 1000)

    def forward(self, data):
        x = data - self.data_mean
        x = self.pool1(self.norm1(F.relu(self.conv1(x), inplace=True)))
        x = self.pool2(self.norm2(F.relu(self.conv2(x), inplace=True)))
        x = F.relu(self.conv3(x), inplace=True)
        x = F.relu(self.conv4(x), inplace=True)
        x = torch.flatten(self.pool5(F.relu(self.conv5(x), inplace=True)), 1)
        x = self.drop6(F.relu(self.fc6(x)))
        x = self.drop7(F.relu(self.fc7(x)))
        return F.softmax(self.fc8(x), dim=-1)


def load_model():
    """The model, ready for inference, with fresh weights: the source holds none."""
    return AlexNet().eval()


if __name__ == "__main__":
    print(load_model())
