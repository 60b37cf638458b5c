"""What can be written."""

from typing import Literal, get_args

Target = Literal["keras", "pytorch", "onnx"]
TARGETS: tuple[Target, ...] = get_args(Target)
