"""What can be said of emitted code by running it beside the original: outputs, weights, gradients, BatchNorm in training."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.conversion import Conversion
from converter.emitters.stored import to_source, to_stored
from tests.exports.inputs import renamed
from tests.originals.code import TRANSPOSES

GRADIENT_TOLERANCE = 1e-4


def flat_outputs(result: Any) -> list[Any]:
    """The tensors of what a module returns, in order: of a tuple, a list or a dictionary."""
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, tuple | list):
        return [tensor for part in result for tensor in flat_outputs(part)]
    return [] if result is None else [result]


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, measured by the largest number expected; infinite where shapes differ or a number is none."""
    if found.shape != expected.shape:
        return np.inf
    if not found.size:
        return 0.0
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max()
    return float(difference / max(np.abs(expected).max(), 1e-30)) if np.isfinite(difference) else np.inf


def worst(found: list[Any], expected: list[Any]) -> float:
    if len(found) != len(expected):
        return np.inf
    pairs = zip(found, expected, strict=True)
    return max((relative_error(np.asarray(f), np.asarray(e)) for f, e in pairs), default=np.inf)


def output_error(conversion: Conversion, module: Any, feeds: Mapping[str, np.ndarray]) -> float:
    """The largest error of the emitted code against the original module itself, not against its export."""
    import torch

    with torch.no_grad():
        expected = [tensor.numpy() for tensor in flat_outputs(_called(module, feeds))]
    found = conversion.run(renamed(feeds, conversion._source_graph(None)))
    return worst(list(found.values()), expected)


@dataclass
class Keys:
    """State-dict keys of the original beside those of the emitted module."""

    original: int
    equal: int
    """Same key and same shape."""
    same_values: int
    """Of these, those that hold the same numbers."""
    missing: list[str] = field(default_factory=list)
    """Keys of the original that the emitted module does not have, or not in this shape."""
    added: list[str] = field(default_factory=list)


def state_keys(model: Any, module: Any) -> Keys:
    have, want = model.state_dict(), module.state_dict()
    equal = [key for key in want if key in have and have[key].shape == want[key].shape]
    same = [key for key in equal if np.array_equal(have[key].numpy(), want[key].numpy())]
    missing = [key for key in want if key not in equal]
    return Keys(len(want), len(equal), len(same), missing, [key for key in have if key not in want])


@dataclass
class Gradients:
    """Gradients of one weighted sum of the outputs, in eval mode, parameter by parameter of the same key."""

    original: int
    """Parameters of the original that have a gradient."""
    equal: int
    """Of these, those whose gradient in the emitted module is the same to 1e-4 of its largest number."""
    different: list[str]
    """Keys found in both whose gradients differ, with the error."""
    without: list[str]
    """Parameters of the emitted module that get no gradient though the original gives one to each of its own."""


def gradients(model: Any, module: Any, feeds: Mapping[str, np.ndarray]) -> Gradients:
    want, have = _gradients(module, feeds), _gradients(model, feeds)
    equal, different = 0, []
    for key, gradient in want.items():
        if gradient is None or have.get(key) is None:
            continue
        error = relative_error(have[key], gradient)
        equal += error <= GRADIENT_TOLERANCE
        if error > GRADIENT_TOLERANCE:
            different.append(f"{key}: {error:.1e}")
    idle = {key for key, gradient in want.items() if gradient is None}
    without = [key for key, gradient in have.items() if gradient is None and key not in idle]
    return Gradients(len(want) - len(idle), equal, different, without)


def _gradients(model: Any, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray | None]:
    import torch

    model.zero_grad(set_to_none=True)
    generator = torch.Generator().manual_seed(1)
    total = 0.0
    for output in flat_outputs(_called(model, feeds)):
        if output.is_floating_point():
            total = total + (output * torch.randn(output.shape, generator=generator)).sum()
    total.backward()
    return {key: None if p.grad is None else p.grad.numpy().copy() for key, p in model.named_parameters()}


def _called(model: Any, feeds: Mapping[str, np.ndarray]) -> Any:
    """By name where the module has these arguments, as every original does; otherwise by position."""
    import torch

    tensors = {name: torch.from_numpy(array) for name, array in feeds.items()}
    named = tensors.keys() <= inspect.signature(model.forward).parameters.keys()
    return model(**tensors) if named else model(*tensors.values())


@dataclass
class Training:
    """BatchNorm in training mode, all else in eval mode, on one batch."""

    original: int
    emitted: int
    """Layers of BatchNorm."""
    output_error: float = np.nan
    statistics: int = 0
    """Running statistics that have the same key in both."""
    statistics_error: float = np.nan
    """Largest error of the running statistics afterwards, of those; of PyTorch alone."""


def batch_norm_pytorch(model: Any, module: Any, feeds: Mapping[str, np.ndarray]) -> Training:
    found = Training(len(_batch_norms(module)), len(_batch_norms(model)))
    if found.original and found.original == found.emitted:
        have, want = (_trained(which, feeds) for which in (model, module))
        found.output_error = worst(have[0], want[0])
        common = [key for key in want[1] if key in have[1]]
        found.statistics = len(common)
        found.statistics_error = (
            np.nan if not common else worst([have[1][key] for key in common], [want[1][key] for key in common])
        )
    return found


def _batch_norms(model: Any) -> list[Any]:
    from torch.nn.modules.batchnorm import _BatchNorm

    return [part for part in model.modules() if isinstance(part, _BatchNorm)]


def _trained(model: Any, feeds: Mapping[str, np.ndarray]) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Outputs with BatchNorm in training mode, and the statistics afterwards; the model is left as it was."""
    import torch

    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    for part in _batch_norms(model):
        part.train()
    try:
        with torch.no_grad():
            outputs = [tensor.numpy() for tensor in flat_outputs(_called(model, feeds))]
        running = {key: t.numpy().copy() for key, t in model.state_dict().items() if ".running_" in key}
    finally:
        model.load_state_dict(state)
        model.eval()
    return outputs, running


def batch_norm_keras(model: Any, module: Any, conversion: Conversion, feeds: Mapping[str, np.ndarray]) -> Training:
    """The emitted Keras model called with ``training=True``; statistics are not compared, since their keys differ."""
    import keras

    parts = list(model._flatten_layers(include_self=False))
    emitted = sum(isinstance(part, keras.layers.BatchNormalization) for part in parts)
    found = Training(len(_batch_norms(module)), emitted)
    random = any(isinstance(part, keras.layers.Dropout) for part in parts)
    if found.original and found.original == found.emitted and not random:
        kept = [np.array(variable) for variable in model.variables]
        results = called_keras(model, conversion, feeds, training=True)
        outputs = zip(results, conversion.outputs, strict=True)
        have = [to_source(keras.ops.convert_to_numpy(result), port, "keras") for result, port in outputs]
        for variable, array in zip(model.variables, kept, strict=True):
            variable.assign(array)
        found.output_error = worst(have, _trained(module, feeds)[0])
    return found


def called_keras(model: Any, conversion: Conversion, feeds: Mapping[str, np.ndarray], *, training: bool) -> list[Any]:
    """What the emitted Keras model gives, in stored axis order, called as it stands: neither compiled nor in batches."""
    arrays = [to_stored(array, port, "keras") for array, port in zip(feeds.values(), conversion.inputs, strict=True)]
    results = model(arrays[0] if len(arrays) == 1 else arrays, training=training)
    return list(results) if isinstance(results, list | tuple) else [results]


@contextmanager
def counted_transposes() -> Iterator[list[str]]:
    """The transposes that Keras code asks for meanwhile, each time it does: a layer in a loop counts every round.

    A functional model asks while it is built, any other while it is called.
    """
    import keras

    asked: list[str] = []
    places = [(keras.ops, name) for name in TRANSPOSES if hasattr(keras.ops, name)]
    kept = [(place, name, getattr(place, name)) for place, name in [*places, (keras.layers.Permute, "call")]]

    def counting(name: str, function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            asked.append(name)
            return function(*arguments, **options)

        return call

    try:
        for place, name, function in kept:
            setattr(place, name, counting(name, function))
        yield asked
    finally:
        for place, name, function in kept:
            setattr(place, name, function)
