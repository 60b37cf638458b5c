"""Networks that a person wrote beside what was emitted for their exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import converter
from converter.emitters import Emitted, emit
from converter.emitters.stored import to_source, to_stored
from tests.emitted import keras_model, pytorch_model, read
from tests.exports.inputs import Input, feeds, renamed

FOLDER = Path(__file__).parents[2] / "fixtures" / "networks"
NETWORKS = sorted(path.stem for path in FOLDER.glob("*.onnx"))
LANGUAGE = ("bert", "gpt", "llama")
SIZES = {"batch": 4, "sequence": 7}


def networks(*quick: str) -> list[Any]:
    """All networks as parameters of a test: ``quick`` ones for every run, the others for ``make test-exports``."""
    return [pytest.param(name, marks=[] if name in quick else [pytest.mark.exports]) for name in NETWORKS]


@dataclass
class Converted:
    """One network for one target. ``original`` makes the module that was exported, with fresh weights."""

    path: Path
    target: str
    original: Callable[[], Any]
    inputs: Mapping[str, Input]
    sizes: Mapping[str, int] = field(default_factory=lambda: SIZES)

    @cached_property
    def graph(self) -> converter.graph.Graph:
        return converter.read(self.path)

    @cached_property
    def emitted(self) -> Emitted:
        return emit(self.graph, self.target)

    def model(self) -> Any:
        """The emitted model with the weights of the file, anew at each call."""
        return (keras_model if self.target == "keras" else pytorch_model)(self.emitted)

    @cached_property
    def module(self) -> Any:
        """The original with the weights of the file, in eval mode; those of BatchNorm's counters are its own."""
        import torch

        module = self.original().eval()
        for part in module.modules():
            if isinstance(part, torch.nn.Embedding):
                part.padding_idx = None  # which says that a row is not trained, and no exporter tells
        held = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in onnx.load(self.path).graph.initializer}
        state = {key: held[key] for key in module.state_dict() if key in held}
        missing = module.load_state_dict(state, strict=False).missing_keys
        kept = module.state_dict(keep_vars=True)
        loaded = {id(kept[key]) for key in state}  # under one of the names that it has
        assert all(key.endswith("num_batches_tracked") or id(kept[key]) in loaded for key in missing), missing
        return module

    def arrays(self, seed: int = 0, **sizes: int) -> dict[str, np.ndarray]:
        """Numbers for every argument of the original."""
        return feeds(self.inputs, {**self.sizes, **sizes}, seed)

    def stored(self, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The same as the emitted model takes them."""
        named = renamed(arrays, self.graph)
        return [to_stored(named[port.source_name], port, self.target) for port in self.emitted.inputs]

    def tensors(self, arrays: Mapping[str, np.ndarray]) -> list[Any]:
        import torch

        return [torch.from_numpy(array.copy()) for array in self.stored(arrays)]

    def batch(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """The same as a Keras model takes them."""
        stored = self.stored(arrays)
        return stored[0] if len(stored) == 1 else stored

    def to_source(self, results: Any) -> list[np.ndarray]:
        """The model's results as NumPy arrays in source axis order."""
        results = list(results) if isinstance(results, list | tuple) else [results]
        arrays = [np.asarray(result.detach()) if hasattr(result, "detach") else np.asarray(result) for result in results]
        return [to_source(array, port, self.target) for array, port in zip(arrays, self.emitted.outputs, strict=True)]


def network(name: str, target: str) -> Converted:
    """One of ``tests/golden/networks.py``."""
    from tests.golden import networks

    made = networks.NETWORKS[name]
    return Converted(FOLDER / f"{name}.onnx", target, made.make, made.inputs)


def with_weights(path: Path, arrays: Mapping[str, np.ndarray]) -> converter.graph.Graph:
    """The graph of the file with other numbers in these weights."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name in arrays:
            tensor.CopyFrom(numpy_helper.from_array(arrays[tensor.name], tensor.name))
    return read(model)
