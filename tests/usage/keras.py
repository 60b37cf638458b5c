"""What people do with a Keras model. Each function does it and fails where the result is another than the model's own."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.originals.measures import relative_error

EQUAL = 1e-5
ROUNDED = {"mixed_float16": 3e-2, "mixed_bfloat16": 1e-1}
"""By the largest number of an output: 11 and 8 bits, at every layer."""

Ask = Callable[[int], Any]


def outputs(model: Any, batch: Any) -> list[np.ndarray]:
    results = model(batch, training=False)
    results = list(results) if isinstance(results, list | tuple) else [results]
    return [keras.ops.convert_to_numpy(keras.ops.cast(result, "float32")) for result in results]


def assert_equal(found: list[np.ndarray], wanted: list[np.ndarray], tolerance: float = EQUAL) -> None:
    assert len(found) == len(wanted)
    errors = [relative_error(f, w) for f, w in zip(found, wanted, strict=True)]
    assert max(errors) <= tolerance, errors


def compiles(model: Any, ask: Ask, *, jit: bool) -> None:
    """As one traced function, through XLA where ``jit``, in ``predict_on_batch``."""
    if model.run_eagerly:
        pytest.xfail("it asks for numbers of its tensors, as its docstring says, and runs eagerly")
    model.compile(jit_compile=jit)
    for batch in (2, 3):
        results = model.predict_on_batch(ask(batch))
        assert_equal(list(results) if isinstance(results, list) else [results], outputs(model, ask(batch)))


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(kept)


def computes_in(model: Any, build: Callable[[], Any], ask: Ask, name: str) -> None:
    """Built under a policy of mixed precision: weights stay float32, the layers compute in fewer bits."""
    with policy(name):
        mixed = build()
        mixed.set_weights(model.get_weights())
        found = outputs(mixed, ask(3))
    computed = {layer.compute_dtype for layer in mixed._flatten_layers() if layer.trainable_variables and layer is not mixed}
    assert computed == {name.removeprefix("mixed_")}
    assert {variable.dtype for variable in mixed.trainable_variables} == {"float32"}
    assert_equal(found, outputs(model, ask(3)), ROUNDED[name])


def clones(model: Any, ask: Ask) -> None:
    keras.utils.set_random_seed(0)
    other = keras.models.clone_model(model)
    assert len(other.variables) == len(model.variables)
    other.set_weights(model.get_weights())
    assert_equal(outputs(other, ask(2)), outputs(model, ask(2)), 0.0)


def saves(model: Any, ask: Ask, folder: Path) -> None:
    """Whole, as ``.keras``."""
    model.save(folder / "model.keras")
    assert_equal(outputs(keras.models.load_model(folder / "model.keras"), ask(2)), outputs(model, ask(2)), 0.0)


def summarises(model: Any) -> None:
    """With as many parameters as it has."""
    text = io.StringIO()
    model.summary(print_fn=lambda line: text.write(line))
    assert f"Total params: {model.count_params():,}" in text.getvalue()
