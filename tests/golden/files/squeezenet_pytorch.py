"""SqueezenetOld in PyTorch, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 3, 224, 224)
Output softmaxout_1: float32 (batch, 1000, 1, 1)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class SqueezenetOld(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2)
        self.max_pool = nn.MaxPool2d(3, stride=2)
        self.fire2_squeeze1x1 = nn.Conv2d(64, 16, 1)
        self.fire2_expand1x1 = nn.Conv2d(16, 64, 1)
        self.fire2_expand3x3 = nn.Conv2d(16, 64, 3, padding=1)
        self.fire3_squeeze1x1 = nn.Conv2d(128, 16, 1)
        self.fire3_expand1x1 = nn.Conv2d(16, 64, 1)
        self.fire3_expand3x3 = nn.Conv2d(16, 64, 3, padding=1)
        self.fire4_squeeze1x1 = nn.Conv2d(128, 32, 1)
        self.fire4_expand1x1 = nn.Conv2d(32, 128, 1)
        self.fire4_expand3x3 = nn.Conv2d(32, 128, 3, padding=1)
        self.fire5_squeeze1x1 = nn.Conv2d(256, 32, 1)
        self.fire5_expand1x1 = nn.Conv2d(32, 128, 1)
        self.fire5_expand3x3 = nn.Conv2d(32, 128, 3, padding=1)
        self.fire6_squeeze1x1 = nn.Conv2d(256, 48, 1)
        self.fire6_expand1x1 = nn.Conv2d(48, 192, 1)
        self.fire6_expand3x3 = nn.Conv2d(48, 192, 3, padding=1)
        self.fire7_squeeze1x1 = nn.Conv2d(384, 48, 1)
        self.fire7_expand1x1 = nn.Conv2d(48, 192, 1)
        self.fire7_expand3x3 = nn.Conv2d(48, 192, 3, padding=1)
        self.fire8_squeeze1x1 = nn.Conv2d(384, 64, 1)
        self.fire8_expand1x1 = nn.Conv2d(64, 256, 1)
        self.fire8_expand3x3 = nn.Conv2d(64, 256, 3, padding=1)
        self.fire9_squeeze1x1 = nn.Conv2d(512, 64, 1)
        self.fire9_expand1x1 = nn.Conv2d(64, 256, 1)
        self.fire9_expand3x3 = nn.Conv2d(64, 256, 3, padding=1)
        self.dropout = nn.Dropout()
        self.conv10 = nn.Conv2d(512, 1000, 1)
        self.global_average_pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, data_0):
        x = self.max_pool(F.relu(self.conv1(data_0)))
        fire2_squeeze1x1 = F.relu(self.fire2_squeeze1x1(x))
        fire2_expand1x1 = F.relu(self.fire2_expand1x1(fire2_squeeze1x1))
        x = F.relu(self.fire2_expand3x3(fire2_squeeze1x1))
        x = torch.cat([fire2_expand1x1, x], dim=1)
        fire3_squeeze1x1 = F.relu(self.fire3_squeeze1x1(x))
        fire3_expand1x1 = F.relu(self.fire3_expand1x1(fire3_squeeze1x1))
        x = F.relu(self.fire3_expand3x3(fire3_squeeze1x1))
        x = torch.cat([fire3_expand1x1, x], dim=1)
        fire4_squeeze1x1 = F.relu(self.fire4_squeeze1x1(self.max_pool(x)))
        fire4_expand1x1 = F.relu(self.fire4_expand1x1(fire4_squeeze1x1))
        x = F.relu(self.fire4_expand3x3(fire4_squeeze1x1))
        x = torch.cat([fire4_expand1x1, x], dim=1)
        fire5_squeeze1x1 = F.relu(self.fire5_squeeze1x1(x))
        fire5_expand1x1 = F.relu(self.fire5_expand1x1(fire5_squeeze1x1))
        x = F.relu(self.fire5_expand3x3(fire5_squeeze1x1))
        x = torch.cat([fire5_expand1x1, x], dim=1)
        fire6_squeeze1x1 = F.relu(self.fire6_squeeze1x1(self.max_pool(x)))
        fire6_expand1x1 = F.relu(self.fire6_expand1x1(fire6_squeeze1x1))
        x = F.relu(self.fire6_expand3x3(fire6_squeeze1x1))
        x = torch.cat([fire6_expand1x1, x], dim=1)
        fire7_squeeze1x1 = F.relu(self.fire7_squeeze1x1(x))
        fire7_expand1x1 = F.relu(self.fire7_expand1x1(fire7_squeeze1x1))
        x = F.relu(self.fire7_expand3x3(fire7_squeeze1x1))
        x = torch.cat([fire7_expand1x1, x], dim=1)
        fire8_squeeze1x1 = F.relu(self.fire8_squeeze1x1(x))
        fire8_expand1x1 = F.relu(self.fire8_expand1x1(fire8_squeeze1x1))
        x = F.relu(self.fire8_expand3x3(fire8_squeeze1x1))
        x = torch.cat([fire8_expand1x1, x], dim=1)
        fire9_squeeze1x1 = F.relu(self.fire9_squeeze1x1(x))
        fire9_expand1x1 = F.relu(self.fire9_expand1x1(fire9_squeeze1x1))
        x = F.relu(self.fire9_expand3x3(fire9_squeeze1x1))
        x = torch.cat([fire9_expand1x1, x], dim=1)
        x = self.global_average_pool(F.relu(self.conv10(self.dropout(x))))
        return F.softmax(x, dim=1)


def load_model():
    """The model with its weights, ready for inference."""
    model = SqueezenetOld()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
