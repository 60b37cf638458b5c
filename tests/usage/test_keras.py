"""Emitted Keras models do what models of a person do."""

from __future__ import annotations

import functools

import keras
import numpy as np
import onnx.parser
import pytest

import tests.usage.keras as usage
from converter.emitters import emit
from tests.emitted import fresh_keras_model, read
from tests.usage.converted import NETWORKS, network, networks


class Asked:
    """A network with the model that was emitted for it, and questions in batches of any size."""

    def __init__(self, name: str):
        self.converted = network(name, "keras")
        self.model = self.converted.model()

    def __call__(self, batch: int):
        return self.converted.batch(self.converted.arrays(batch=batch, sequence=batch + 3))


asked = functools.cache(Asked)


@pytest.mark.parametrize("name", networks("resnet", "mobilenet", "lstm"))
@pytest.mark.parametrize("policy", usage.ROUNDED)
def test_computes_in_mixed_precision(name, policy):
    network = asked(name)
    usage.computes_in(network.model, lambda: fresh_keras_model(network.converted.emitted), network, policy)


@pytest.mark.parametrize("name", networks("resnet", "vit", "gpt", "lstm"))
def test_is_cloned(name):
    usage.clones(asked(name).model, asked(name))


@pytest.mark.parametrize("name", networks("resnet", "vit", "gpt", "lstm"))
def test_is_saved_and_loaded(name, tmp_path):
    usage.saves(asked(name).model, asked(name), tmp_path)


@pytest.mark.parametrize("name", NETWORKS)
def test_tells_its_parameters(name):
    usage.summarises(asked(name).model)


@pytest.mark.parametrize("name", networks("resnet", "vit"))
@pytest.mark.parametrize("jit", [False, True], ids=["traced", "xla"])
def test_compiles(name, jit):
    usage.compiles(asked(name).model, asked(name), jit=jit)


def test_a_clone_holds_whole_numbers_as_such():
    """A weight that stands alone is of its own type; that of a layer, in Keras, is what it computes in."""
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 20]> numbers (int64[n, 3] x) => (int64[n, 3] y)
        <int64[3] c = {5, 300, 16777217}> { y = Add(x, c) }"""
    )
    built = fresh_keras_model(emit(read(model), "keras"))
    clone = keras.models.clone_model(built)
    assert [weight.dtype for weight in clone.weights] == [weight.dtype for weight in built.weights] == ["int64"]
    clone.set_weights([np.array([5, 300, 2**24 + 1])])
    np.testing.assert_array_equal(clone.predict(np.array([[1, 2, 3]]), verbose=0), [[6, 302, 2**24 + 4]])
