"""Channels dealt out to groups in turn, as in ShuffleNet."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph, Node
from converter.passes.recover.pattern import around, replace


def channel_shuffle(graph: Graph) -> None:
    """Reshape, Transpose, Reshape that split the channels of an image (batch, channels, ...) into groups, change groups and
    channels of a group for each other and merge them again become ChannelShuffle, as
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html defines it.
    """
    for node in list(graph.nodes):
        match = around(graph, node) if _swaps(node) else None
        if match is None:
            continue
        last, _, first = match.nodes
        x, split, y = first.inputs[0].shape, first.output.shape, last.output.shape
        if x is None or split is None or x != y or len(split) != len(x) + 1:
            continue
        groups, channels = split[1:3]
        plain = isinstance(groups, int) and isinstance(channels, int) and min(groups, channels) > 1
        if plain and x == (split[0], groups * channels, *split[3:]):
            replace(graph, match, "ChannelShuffle", [first.inputs[0]], {"groups": groups}, domain=functions.DOMAIN)


def _swaps(node: Node) -> bool:
    """Whether it changes the second and the third axis for each other."""
    if node.op_type != "Transpose" or node.domain or node["perm"] is None:
        return False
    first, *rest = node["perm"]
    return first == 0 and rest == [2, 1, *range(3, len(rest) + 1)]
