"""Emitted models train as the originals do: same gradients, same statistics, a loss that falls."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import converter
from converter.emitters import emit
from converter.emitters.stored import to_stored
from tests.emitted import keras_model, pytorch_model
from tests.originals.measures import relative_error
from tests.usage.converted import FOLDER, NETWORKS, network
from tests.usage.training import differences, emitted_gradients, fine_tuned, statistics, statistics_of_original

TARGETS = ["pytorch", "keras"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_the_original(name, target):
    """Of every parameter, in training mode, and outputs with them."""
    converted = network(name, target)
    wrong = differences(converted, converted.model(), converted.arrays())
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["resnet", "mobilenet", "densenet", "unet"])
def test_statistics_follow_as_in_the_original(name, target):
    """Those of BatchNorm after one batch in training mode."""
    converted = network(name, target)
    model, arrays = converted.model(), converted.arrays()
    wanted = statistics_of_original(converted, arrays)
    emitted_gradients(converted, model, arrays)
    found = statistics(converted, model)
    assert found.keys() == wanted.keys()
    wrong = {key: relative_error(found[key], wanted[key]) for key in wanted}
    assert max(wrong.values()) <= 1e-5, wrong


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["resnet", "swin", "gpt", "lstm"])
def test_one_epoch_lowers_the_loss(name, target):
    before, after = fine_tuned(network(name, target))
    assert after < before


@pytest.mark.exports
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"resnet", "swin", "gpt", "lstm"}))
def test_one_epoch_lowers_the_loss_of_any(name, target):
    test_one_epoch_lowers_the_loss(name, target)


@pytest.mark.parametrize("target", TARGETS)
def test_dropout_is_random_in_training_alone(target):
    emitted = emit(converter.read(FOLDER.parent / "branches.mat"), target)
    model = (keras_model if target == "keras" else pytorch_model)(emitted)
    (port,) = emitted.inputs
    image = to_stored(np.random.default_rng(0).standard_normal((2, *port.shape[1:])).astype(np.float32), port, target)

    def asked(training: bool) -> np.ndarray:
        if target == "keras":
            return np.asarray(model(image, training=training))
        model.eval()
        model.drop.train(training)
        return model(torch.from_numpy(image)).detach().numpy()

    np.testing.assert_array_equal(asked(False), asked(False))
    assert np.abs(asked(True) - asked(True)).max() > 1e-3
    np.testing.assert_array_equal(asked(False), asked(False))
