"""Exports the models of ``tests.exports.models``: ``python -m tests.exports.make FOLDER [model or model.exporter ...]``."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.exports.inputs import Input, feeds
from tests.exports.models import MODELS, Model

EXPORTERS = {"pytorch": ("dynamo20", "dynamo18", "script17"), "keras": ("keras",)}
"""By framework; the numbers are opsets."""


def exports() -> list[tuple[Model, str]]:
    return [(model, exporter) for model in MODELS.values() for exporter in EXPORTERS[model.framework]]


def export(model: Model, exporter: str, path: Path) -> dict[str, Input]:
    """Write the model to ``path`` and return its inputs by name."""
    silence = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        warnings.simplefilter("ignore")
        return (_export_keras if model.framework == "keras" else _export_pytorch)(model, exporter, path)


def _export_pytorch(model: Model, exporter: str, path: Path) -> dict[str, Input]:
    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    declare_torchvision()
    torch.manual_seed(0)
    module, inputs = model.make()
    module = module.eval()
    move_statistics(module)
    arguments = tuple(torch.from_numpy(array) for array in feeds(inputs, model.sizes[0], seed=0).values())
    opset = int(exporter[-2:])
    options: dict[str, Any] = {"input_names": list(inputs), "output_names": list(model.gives), "opset_version": opset}
    if exporter.startswith("script"):
        axes = {name: value.free_axes() for name, value in inputs.items()}
        torch.onnx.export(module, arguments, path, dynamo=False, dynamic_axes=axes, **options)
    else:
        torch.onnx.export(
            module, arguments, path, dynamo=True, dynamic_shapes=_dimensions(module, inputs), verbose=False, **options
        )
    return inputs


def _dimensions(module: Any, inputs: dict[str, Input]) -> Any:
    """The free axes as torch.export wants them: by argument, those of ``*arguments`` in a tuple of their own."""
    from torch.export import Dim

    shapes = [dict.fromkeys(value.free_axes(), Dim.AUTO) for value in inputs.values()]
    parameters = list(inspect.signature(module.forward).parameters.values())
    if parameters[-1].kind is not inspect.Parameter.VAR_POSITIONAL:
        return tuple(shapes)
    plain = len(parameters) - 1
    return (*shapes[:plain], tuple(shapes[plain:]))


def declare_torchvision() -> None:
    """Let torchvision be imported where it was installed without its compiled operators."""
    import torch

    global _library
    if _library is None and not hasattr(torch.ops.torchvision, "nms"):
        _library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


_library: Any = None


def move_statistics(module: Any) -> None:
    """BatchNorm's statistics, and whatever starts at 0 or 1 throughout, get numbers that tell."""
    import torch

    with torch.no_grad():
        for name, tensor in [*module.named_buffers(), *module.named_parameters()]:
            if name.endswith("running_mean"):
                tensor.normal_(0, 0.2)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif tensor.is_floating_point() and tensor.numel() > 1 and bool((tensor == tensor.flatten()[0]).all()):
                tensor.add_(torch.randn_like(tensor) * 0.1)


def _export_keras(model: Model, exporter: str, path: Path) -> dict[str, Input]:
    import keras

    keras.utils.set_random_seed(0)
    keras.backend.clear_session()
    network, inputs = model.make()
    generator = np.random.default_rng(0)
    for variable in network.variables:
        array = np.asarray(variable)
        if variable.path.endswith("moving_variance"):
            variable.assign(generator.uniform(0.5, 1.5, array.shape))
        elif variable.path.endswith("/gamma"):  # ones make of residual blocks an amplifier of rounding, training does not
            variable.assign(generator.uniform(0.2, 0.6, array.shape))
        elif array.dtype.kind == "f" and array.size and np.all(array == array.flat[0]):
            variable.assign(array + 0.2 * generator.standard_normal(array.shape))
    arrays = list(feeds(inputs, {**model.sizes[0], "batch": 16}, seed=0).values())
    _settle(network, arrays if len(arrays) > 1 else arrays[0])
    network.export(path, format="onnx", verbose=False)
    return inputs


def _settle(network: Any, given: Any) -> None:
    """Bring a network with fresh weights to where training would: BatchNormalization has the statistics of what it reads (with
    others, the numbers of a deep network vanish from layer to layer), and scores are 3 at most, so that a softmax is certain of
    none. Keras exports no model that was never called, as this one is then."""
    layers = [layer for layer in network._flatten_layers() if type(layer).__name__ == "BatchNormalization"]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    network(given, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    end = network.layers[-1]
    if layers and getattr(getattr(end, "activation", None), "__name__", "") == "softmax":
        softmax, end.activation = end.activation, lambda x: x
        scores = np.asarray(network(given))
        end.activation = softmax
        last = next(layer for layer in reversed(network.layers) if hasattr(layer, "kernel"))
        last.kernel.assign(np.asarray(last.kernel) / max(np.abs(scores).max() / 3, 1.0))


def main(folder: str, wanted: list[str]) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for model, exporter in exports():
        name = f"{model.name}.{exporter}"
        if wanted and model.name not in wanted and name not in wanted:
            continue
        if missing := model.missing():
            print(f"{name}: {missing} is not installed")
            continue
        try:
            export(model, exporter, Path(folder) / f"{name}.onnx")
            print(f"{name}: {(Path(folder) / f'{name}.onnx').stat().st_size:,} bytes")
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error)[:600]}")
            if "-v" in sys.argv:
                traceback.print_exc()


if __name__ == "__main__":
    main(sys.argv[1], [name for name in sys.argv[2:] if not name.startswith("-")])
