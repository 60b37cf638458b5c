"""What people do with an emitted Keras model, on the backend that ``KERAS_BACKEND`` names.

``KERAS_BACKEND=jax python -m tests.usage.backend resnet`` takes a network of ``tests/golden/networks.py``, or a path.
It is a process of its own because Keras has one backend in each, and fails where the model does not do what it should.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import converter
import tests.usage.keras as usage
from converter.emitters.stored import to_stored
from converter.verification.inputs import questions
from tests.usage.converted import FOLDER, network

RATE = 1e-3


def used(name: str, folder: Path) -> None:
    """Verified against onnxruntime, and then cloned, saved, compiled, trained for a step, and built in mixed precision."""
    path = Path(name) if name.endswith(".onnx") else FOLDER / f"{name}.onnx"
    conversion = converter.convert(path, to="keras", out=folder / "emitted")
    assert conversion.report.ok, conversion.report
    model = conversion.load()
    ask = _questions(path, conversion) if name.endswith(".onnx") else _questions_of(name)
    usage.summarises(model)
    usage.clones(model, ask)
    usage.saves(model, ask, folder)
    if not model.run_eagerly:
        jit = keras.backend.backend() != "torch"  # which hands the model to a compiler of C++
        usage.compiles(model, ask, jit=jit)
        usage.computes_in(model, _builder(folder / "emitted"), ask, "mixed_bfloat16")
    trains(model, ask)


def trains(model: Any, ask: usage.Ask) -> None:
    """A step lowers the loss on its own batch, and moves what can be trained."""
    batch = ask(2)
    wanted = [output + 1.0 for output in usage.outputs(model, batch)]
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.trainable_variables]
    model.compile(keras.optimizers.SGD(RATE), loss=["mse"] * len(wanted))
    losses = [float(np.ravel(model.train_on_batch(batch, wanted if len(wanted) > 1 else wanted[0]))[0]) for _ in range(3)]
    after = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
    assert np.isfinite(losses).all(), losses
    assert losses[-1] < losses[0], losses
    assert any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def _questions(path: Path, conversion: converter.Conversion) -> usage.Ask:
    graph = converter.read(path)

    def ask(batch: int) -> Any:
        inputs = next(next(questions(graph, [0], [batch]))).inputs
        stored = [to_stored(inputs[port.source_name], port, "keras") for port in conversion.inputs]
        return stored[0] if len(stored) == 1 else stored

    return ask


def _questions_of(name: str) -> usage.Ask:
    converted = network(name, "keras")
    return lambda batch: converted.batch(converted.arrays(batch=batch, sequence=batch + 3))


def _builder(folder: Path) -> Callable[[], Any]:
    scope: dict[str, Any] = {"__name__": "model", "__file__": str(folder / "model.py")}
    exec(compile((folder / "model.py").read_text(), folder / "model.py", "exec"), scope)
    return scope["build_model"]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        used(sys.argv[1], Path(folder))
