"""Emitted PyTorch modules do what modules of a person do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch

import tests.usage.pytorch as usage
from tests.usage.converted import NETWORKS, network, networks


class Asked:
    """A network with the model that was emitted for it, and questions in batches of any size."""

    def __init__(self, name: str):
        self.converted = network(name, "pytorch")
        self.model = self.converted.model()

    def __call__(self, batch: int) -> list:
        return self.converted.tensors(self.converted.arrays(batch=batch, sequence=batch + 3))

    @property
    def free(self) -> list[dict[int, str]]:
        return [value.free_axes() for value in self.converted.inputs.values()]


asked = functools.cache(Asked)


def unless_the_original_cannot(name: str, act: Callable[[Any], None]) -> None:
    """Do this to the emitted module; to be skipped where PyTorch cannot do it to the original."""
    try:
        act(asked(name).converted.module)
    except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
        pytest.skip(f"nor can the original: {str(error).splitlines()[0]}")
    act(asked(name).model)


@pytest.mark.parametrize("name", NETWORKS)
def test_moves_to_another_device(name):
    usage.moves(asked(name).model, asked(name))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["half", "bfloat16"])
def test_computes_in_another_precision(name, dtype):
    unless_the_original_cannot(name, lambda model: usage.computes_in(model, asked(name), dtype))


@pytest.mark.parametrize("name", NETWORKS)
def test_is_copied_and_saved(name):
    usage.copies(asked(name).model, asked(name))
    usage.saves(asked(name).model, asked(name))


@pytest.mark.parametrize("name", networks(*NETWORKS))
def test_takes_the_weights_of_the_original(name):
    """Strictly, under the original's own keys."""
    network = asked(name)
    state = network.converted.module.state_dict()
    fresh = type(network.model)().eval()
    fresh.load_state_dict(state, strict=True)
    usage.assert_equal(usage.outputs(fresh, network(3)), usage.outputs(network.model, network(3)), 0.0)


@pytest.mark.parametrize("name", networks("resnet", "gpt", "tcn", "lstm"))
def test_is_exported_with_its_axes_free(name):
    unless_the_original_cannot(name, lambda model: usage.exports(model, asked(name), asked(name).free))


@pytest.mark.parametrize("name", networks("resnet", "gpt", "tcn"))
def test_compiles_whole(name):
    unless_the_original_cannot(name, lambda model: usage.compiles(model, asked(name)))


@pytest.mark.parametrize("name", networks("resnet", "vit", "lstm"))
def test_is_traced(name):
    usage.traces(asked(name).model, asked(name))


@pytest.mark.exports
@pytest.mark.parametrize("name", ["resnet", "mobilenet", "vit", "gpt"])
def test_compiles_to_machine_code(name):
    """By the default compiler of PyTorch, which needs one of C++."""
    usage.compiles(asked(name).model, asked(name), backend="inductor")
