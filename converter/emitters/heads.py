"""How Keras' own attention takes its heads, and which Attention nodes it can say."""

from __future__ import annotations

from converter.emitters.layout import Layout, logical
from converter.graph import Node


def by_steps(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """The layout rule of Attention: (batch, heads, steps, features) is stored as (batch, steps, heads, features)."""
    steps_first = Layout((0, 2, 1, 3))
    return ([steps_first] * len(node.inputs), [steps_first]) if is_plain(node) else logical(node, have)


def is_plain(node: Node) -> bool:
    """Whether there are queries, keys and values only, of rank 4 and alike in heads and features.

    ``ops.dot_product_attention`` hides keys with a large number where ONNX has minus infinity, which a mask could tell apart,
    and believes that the values have as many features as the queries (Keras 3.15, ``ops/nn.py``).
    """
    known = [(len(value.shape or ()), *(value.shape or ())[1::2]) for value in node.inputs[:3]]  # rank, heads, features
    alike = known[0] == known[1] == known[2] and known[0][0] == 4 and all(isinstance(size, int) for size in known[0])
    more = [value for value in node.inputs[3:] if value is not None] or len(node.outputs) > 1 or node["softcap"]
    window = node["left_window_size"] != -1 or node["right_window_size"] != -1
    return alike and not (more or window) and node.output.dtype == "float32"
