"""``nn.MultiheadAttention`` as networks call it, for ``fixtures/make_networks.py`` to export to ``fixtures/attention``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from tests.exports.inputs import Input
from tests.golden.networks import Network


class Net(nn.Module):
    """Attention of x to itself, or to ``other``: "memory", "both" (values of their own too) or "mask" (a constant one)."""

    def __init__(self, *, batch_first: bool = True, other: str = "", need_weights: bool = False, **options: bool):
        super().__init__()
        self.norm = nn.LayerNorm(12)
        self.attn = nn.MultiheadAttention(12, 3, batch_first=batch_first, **options)
        self.other, self.need_weights = other, need_weights
        for parameter in self.attn.parameters():
            nn.init.normal_(parameter, std=0.5)

    def forward(self, x, memory=None):
        x = self.norm(x)
        mask = torch.triu(torch.full((5, 5), -1e9), 1) if self.other == "mask" else None
        memory = memory if self.other in ("memory", "both") else x
        value = memory * 2 if self.other == "both" else memory
        return x + self.attn(x, memory, value, attn_mask=mask, need_weights=self.need_weights)[0]


def _networks() -> Iterator[Network]:
    for batch_first in (True, False):
        steps = (lambda n: ("batch", n, 12)) if batch_first else (lambda n: (n, "batch", 12))
        for other in ("", "memory", "both", "mask"):
            inputs = {"x": Input("normal", steps(5))}
            if other in ("memory", "both"):
                inputs["memory"] = Input("normal", steps(7))
            name = "_".join(filter(None, ("batches" if batch_first else "steps", other)))
            yield Network(name, partial(Net, batch_first=batch_first, other=other), inputs, {"batch": 2})
    yield Network("batches_weights", partial(Net, need_weights=True), {"x": Input("normal", ("batch", 5, 12))}, {"batch": 2})
    yield Network("no_bias", partial(Net, bias=False), {"x": Input("normal", ("batch", 5, 12))}, {"batch": 2})


NETWORKS = {each.name: each for each in _networks()}
