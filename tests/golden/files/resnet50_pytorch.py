"""Resnet50 in PyTorch, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 3, 224, 224)
Output softmax_1: float32 (batch, 1000)
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class Resnet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.res_conv1_bn = nn.BatchNorm2d(64, eps=1.0000001e-05)
        self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.res2_0_branch2a = nn.Conv2d(64, 64, 1, bias=False)
        self.res2_0_branch2a_bn = nn.BatchNorm2d(64, eps=1.0000001e-05)
        self.res2_0_branch2b = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.res2_0_branch2b_bn = nn.BatchNorm2d(64, eps=1.0000001e-05)
        self.res2_0_branch2c = nn.Conv2d(64, 256, 1, bias=False)
        self.res2_0_branch2c_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res2_0_branch1 = nn.Conv2d(64, 256, 1, bias=False)
        self.res2_0_branch1_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res2_1_branch2a = nn.Conv2d(256, 64, 1, bias=False)
        self.res2_1_branch2a_bn = nn.BatchNorm2d(64, eps=1.0000001e-05)
        self.res2_1_branch2b = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.res2_1_branch2b_bn = nn.BatchNorm2d(64, eps=1.0000001e-05)
        self.res2_1_branch2c = nn.Conv2d(64, 256, 1, bias=False)
        self.res2_1_branch2c_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res2_2_branch2a = nn.Conv2d(256, 64, 1, bias=False)
        self.res2_2_branch2a_bn = nn.BatchNorm2d(64, eps=1.0000001e-05)
        self.res2_2_branch2b = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.res2_2_branch2b_bn = nn.BatchNorm2d(64, eps=1.0000001e-05)
        self.res2_2_branch2c = nn.Conv2d(64, 256, 1, bias=False)
        self.res2_2_branch2c_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res3_0_branch2a = nn.Conv2d(256, 128, 1, bias=False)
        self.res3_0_branch2a_bn = nn.BatchNorm2d(128, eps=1.0000001e-05)
        self.res3_0_branch2b = nn.Conv2d(128, 128, 3, stride=2, padding=1, bias=False)
        self.res3_0_branch2b_bn = nn.BatchNorm2d(128, eps=1.0000001e-05)
        self.res3_0_branch2c = nn.Conv2d(128, 512, 1, bias=False)
        self.res3_0_branch2c_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res3_0_branch1 = nn.Conv2d(256, 512, 1, stride=2, bias=False)
        self.res3_0_branch1_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res3_1_branch2a = nn.Conv2d(512, 128, 1, bias=False)
        self.res3_1_branch2a_bn = nn.BatchNorm2d(128, eps=1.0000001e-05)
        self.res3_1_branch2b = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.res3_1_branch2b_bn = nn.BatchNorm2d(128, eps=1.0000001e-05)
        self.res3_1_branch2c = nn.Conv2d(128, 512, 1, bias=False)
        self.res3_1_branch2c_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res3_2_branch2a = nn.Conv2d(512, 128, 1, bias=False)
        self.res3_2_branch2a_bn = nn.BatchNorm2d(128, eps=1.0000001e-05)
        self.res3_2_branch2b = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.res3_2_branch2b_bn = nn.BatchNorm2d(128, eps=1.0000001e-05)
        self.res3_2_branch2c = nn.Conv2d(128, 512, 1, bias=False)
        self.res3_2_branch2c_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res3_3_branch2a = nn.Conv2d(512, 128, 1, bias=False)
        self.res3_3_branch2a_bn = nn.BatchNorm2d(128, eps=1.0000001e-05)
        self.res3_3_branch2b = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.res3_3_branch2b_bn = nn.BatchNorm2d(128, eps=1.0000001e-05)
        self.res3_3_branch2c = nn.Conv2d(128, 512, 1, bias=False)
        self.res3_3_branch2c_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res4_0_branch2a = nn.Conv2d(512, 256, 1, bias=False)
        self.res4_0_branch2a_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_0_branch2b = nn.Conv2d(256, 256, 3, stride=2, padding=1, bias=False)
        self.res4_0_branch2b_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_0_branch2c = nn.Conv2d(256, 1024, 1, bias=False)
        self.res4_0_branch2c_bn = nn.BatchNorm2d(1024, eps=1.0000001e-05)
        self.res4_0_branch1 = nn.Conv2d(512, 1024, 1, stride=2, bias=False)
        self.res4_0_branch1_bn = nn.BatchNorm2d(1024, eps=1.0000001e-05)
        self.res4_1_branch2a = nn.Conv2d(1024, 256, 1, bias=False)
        self.res4_1_branch2a_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_1_branch2b = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.res4_1_branch2b_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_1_branch2c = nn.Conv2d(256, 1024, 1, bias=False)
        self.res4_1_branch2c_bn = nn.BatchNorm2d(1024, eps=1.0000001e-05)
        self.res4_2_branch2a = nn.Conv2d(1024, 256, 1, bias=False)
        self.res4_2_branch2a_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_2_branch2b = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.res4_2_branch2b_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_2_branch2c = nn.Conv2d(256, 1024, 1, bias=False)
        self.res4_2_branch2c_bn = nn.BatchNorm2d(1024, eps=1.0000001e-05)
        self.res4_3_branch2a = nn.Conv2d(1024, 256, 1, bias=False)
        self.res4_3_branch2a_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_3_branch2b = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.res4_3_branch2b_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_3_branch2c = nn.Conv2d(256, 1024, 1, bias=False)
        self.res4_3_branch2c_bn = nn.BatchNorm2d(1024, eps=1.0000001e-05)
        self.res4_4_branch2a = nn.Conv2d(1024, 256, 1, bias=False)
        self.res4_4_branch2a_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_4_branch2b = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.res4_4_branch2b_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_4_branch2c = nn.Conv2d(256, 1024, 1, bias=False)
        self.res4_4_branch2c_bn = nn.BatchNorm2d(1024, eps=1.0000001e-05)
        self.res4_5_branch2a = nn.Conv2d(1024, 256, 1, bias=False)
        self.res4_5_branch2a_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_5_branch2b = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.res4_5_branch2b_bn = nn.BatchNorm2d(256, eps=1.0000001e-05)
        self.res4_5_branch2c = nn.Conv2d(256, 1024, 1, bias=False)
        self.res4_5_branch2c_bn = nn.BatchNorm2d(1024, eps=1.0000001e-05)
        self.res5_0_branch2a = nn.Conv2d(1024, 512, 1, bias=False)
        self.res5_0_branch2a_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res5_0_branch2b = nn.Conv2d(512, 512, 3, stride=2, padding=1, bias=False)
        self.res5_0_branch2b_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res5_0_branch2c = nn.Conv2d(512, 2048, 1, bias=False)
        self.res5_0_branch2c_bn = nn.BatchNorm2d(2048, eps=1.0000001e-05)
        self.res5_0_branch1 = nn.Conv2d(1024, 2048, 1, stride=2, bias=False)
        self.res5_0_branch1_bn = nn.BatchNorm2d(2048, eps=1.0000001e-05)
        self.res5_1_branch2a = nn.Conv2d(2048, 512, 1, bias=False)
        self.res5_1_branch2a_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res5_1_branch2b = nn.Conv2d(512, 512, 3, padding=1, bias=False)
        self.res5_1_branch2b_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res5_1_branch2c = nn.Conv2d(512, 2048, 1, bias=False)
        self.res5_1_branch2c_bn = nn.BatchNorm2d(2048, eps=1.0000001e-05)
        self.res5_2_branch2a = nn.Conv2d(2048, 512, 1, bias=False)
        self.res5_2_branch2a_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res5_2_branch2b = nn.Conv2d(512, 512, 3, padding=1, bias=False)
        self.res5_2_branch2b_bn = nn.BatchNorm2d(512, eps=1.0000001e-05)
        self.res5_2_branch2c = nn.Conv2d(512, 2048, 1, bias=False)
        self.res5_2_branch2c_bn = nn.BatchNorm2d(2048, eps=1.0000001e-05)
        self.average_pool = nn.AvgPool2d(7, stride=1)
        self.pred = nn.Linear(2048, 1000)

    def forward(self, data_0):
        x = F.relu(self.res_conv1_bn(self.conv1(data_0)))
        max_pool = self.max_pool(x)
        x = F.relu(self.res2_0_branch2a_bn(self.res2_0_branch2a(max_pool)))
        x = F.relu(self.res2_0_branch2b_bn(self.res2_0_branch2b(x)))
        x = self.res2_0_branch2c_bn(self.res2_0_branch2c(x))
        res2_0_branch1_bn = F.relu(
            x + self.res2_0_branch1_bn(self.res2_0_branch1(max_pool))
        )
        x = F.relu(self.res2_1_branch2a_bn(self.res2_1_branch2a(res2_0_branch1_bn)))
        x = F.relu(self.res2_1_branch2b_bn(self.res2_1_branch2b(x)))
        res2_1_branch2c_bn = F.relu(
            self.res2_1_branch2c_bn(self.res2_1_branch2c(x)) + res2_0_branch1_bn
        )
        x = F.relu(self.res2_2_branch2a_bn(self.res2_2_branch2a(res2_1_branch2c_bn)))
        x = F.relu(self.res2_2_branch2b_bn(self.res2_2_branch2b(x)))
        res2_2_branch2c_bn = F.relu(
            self.res2_2_branch2c_bn(self.res2_2_branch2c(x)) + res2_1_branch2c_bn
        )
        x = F.relu(self.res3_0_branch2a_bn(self.res3_0_branch2a(res2_2_branch2c_bn)))
        x = F.relu(self.res3_0_branch2b_bn(self.res3_0_branch2b(x)))
        x = self.res3_0_branch2c_bn(self.res3_0_branch2c(x))
        res3_0_branch1_bn = F.relu(
            x + self.res3_0_branch1_bn(self.res3_0_branch1(res2_2_branch2c_bn))
        )
        x = F.relu(self.res3_1_branch2a_bn(self.res3_1_branch2a(res3_0_branch1_bn)))
        x = F.relu(self.res3_1_branch2b_bn(self.res3_1_branch2b(x)))
        res3_1_branch2c_bn = F.relu(
            self.res3_1_branch2c_bn(self.res3_1_branch2c(x)) + res3_0_branch1_bn
        )
        x = F.relu(self.res3_2_branch2a_bn(self.res3_2_branch2a(res3_1_branch2c_bn)))
        x = F.relu(self.res3_2_branch2b_bn(self.res3_2_branch2b(x)))
        res3_2_branch2c_bn = F.relu(
            self.res3_2_branch2c_bn(self.res3_2_branch2c(x)) + res3_1_branch2c_bn
        )
        x = F.relu(self.res3_3_branch2a_bn(self.res3_3_branch2a(res3_2_branch2c_bn)))
        x = F.relu(self.res3_3_branch2b_bn(self.res3_3_branch2b(x)))
        res3_3_branch2c_bn = F.relu(
            self.res3_3_branch2c_bn(self.res3_3_branch2c(x)) + res3_2_branch2c_bn
        )
        x = F.relu(self.res4_0_branch2a_bn(self.res4_0_branch2a(res3_3_branch2c_bn)))
        x = F.relu(self.res4_0_branch2b_bn(self.res4_0_branch2b(x)))
        x = self.res4_0_branch2c_bn(self.res4_0_branch2c(x))
        res4_0_branch1_bn = F.relu(
            x + self.res4_0_branch1_bn(self.res4_0_branch1(res3_3_branch2c_bn))
        )
        x = F.relu(self.res4_1_branch2a_bn(self.res4_1_branch2a(res4_0_branch1_bn)))
        x = F.relu(self.res4_1_branch2b_bn(self.res4_1_branch2b(x)))
        res4_1_branch2c_bn = F.relu(
            self.res4_1_branch2c_bn(self.res4_1_branch2c(x)) + res4_0_branch1_bn
        )
        x = F.relu(self.res4_2_branch2a_bn(self.res4_2_branch2a(res4_1_branch2c_bn)))
        x = F.relu(self.res4_2_branch2b_bn(self.res4_2_branch2b(x)))
        res4_2_branch2c_bn = F.relu(
            self.res4_2_branch2c_bn(self.res4_2_branch2c(x)) + res4_1_branch2c_bn
        )
        x = F.relu(self.res4_3_branch2a_bn(self.res4_3_branch2a(res4_2_branch2c_bn)))
        x = F.relu(self.res4_3_branch2b_bn(self.res4_3_branch2b(x)))
        res4_3_branch2c_bn = F.relu(
            self.res4_3_branch2c_bn(self.res4_3_branch2c(x)) + res4_2_branch2c_bn
        )
        x = F.relu(self.res4_4_branch2a_bn(self.res4_4_branch2a(res4_3_branch2c_bn)))
        x = F.relu(self.res4_4_branch2b_bn(self.res4_4_branch2b(x)))
        res4_4_branch2c_bn = F.relu(
            self.res4_4_branch2c_bn(self.res4_4_branch2c(x)) + res4_3_branch2c_bn
        )
        x = F.relu(self.res4_5_branch2a_bn(self.res4_5_branch2a(res4_4_branch2c_bn)))
        x = F.relu(self.res4_5_branch2b_bn(self.res4_5_branch2b(x)))
        res4_5_branch2c_bn = F.relu(
            self.res4_5_branch2c_bn(self.res4_5_branch2c(x)) + res4_4_branch2c_bn
        )
        x = F.relu(self.res5_0_branch2a_bn(self.res5_0_branch2a(res4_5_branch2c_bn)))
        x = F.relu(self.res5_0_branch2b_bn(self.res5_0_branch2b(x)))
        x = self.res5_0_branch2c_bn(self.res5_0_branch2c(x))
        res5_0_branch1_bn = F.relu(
            x + self.res5_0_branch1_bn(self.res5_0_branch1(res4_5_branch2c_bn))
        )
        x = F.relu(self.res5_1_branch2a_bn(self.res5_1_branch2a(res5_0_branch1_bn)))
        x = F.relu(self.res5_1_branch2b_bn(self.res5_1_branch2b(x)))
        res5_1_branch2c_bn = F.relu(
            self.res5_1_branch2c_bn(self.res5_1_branch2c(x)) + res5_0_branch1_bn
        )
        x = F.relu(self.res5_2_branch2a_bn(self.res5_2_branch2a(res5_1_branch2c_bn)))
        x = F.relu(self.res5_2_branch2b_bn(self.res5_2_branch2b(x)))
        x = F.relu(
            self.res5_2_branch2c_bn(self.res5_2_branch2c(x)) + res5_1_branch2c_bn
        )
        x = self.average_pool(x)
        x = torch.flatten(x, 1)
        x = self.pred(x)
        return F.softmax(x, dim=-1)


def load_model():
    """The model with its weights, ready for inference."""
    model = Resnet50()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


if __name__ == "__main__":
    print(load_model())
