"""Exports of the originals, each made once and kept in a folder of its own: ``python -m tests.originals.export [names]``."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tests.exports.inputs import feeds
from tests.originals.measures import flat_outputs
from tests.originals.networks import ORIGINALS, Original

EXPORTERS = {
    "plain": "torch.export as it stands (dynamo, optimize=False), which keeps BatchNorm",
    "dynamo": "torch.export and the optimiser of onnxscript, the default",
    "script": "TorchScript (dynamo=False) without folding, which keeps BatchNorm",
}


def folder() -> Path:
    """Where exports are kept: CONVERTER_ORIGINALS, or a folder among the temporary files."""
    return Path(os.environ.get("CONVERTER_ORIGINALS", Path(tempfile.gettempdir()) / "converter_originals"))


def exported(original: Original, exporter: str) -> Path:
    """The file that holds the original as this exporter writes it; made if it is not there."""
    path = folder() / f"{original.name}.{exporter}.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        _export(original, exporter, partial)
        partial.rename(path)
    return path


def arguments(original: Original, inputs: dict[str, Any], number: int) -> dict[str, np.ndarray]:
    """The arrays given at the sizes of this number, by argument."""
    return feeds(inputs, original.sizes[number], seed=number)


def _export(original: Original, exporter: str, path: Path) -> None:
    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    module, inputs = original.module()
    given = {name: torch.from_numpy(array) for name, array in arguments(original, inputs, 0).items()}
    axes = {name: value.free_axes() for name, value in inputs.items()}
    silence = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        warnings.simplefilter("ignore")
        if exporter == "script":
            _take_by_position(module, inputs)
            torch.onnx.export(
                module, tuple(given.values()), path, dynamo=False, input_names=list(inputs), dynamic_axes=axes,
                training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, opset_version=17,
            )  # fmt: skip
        else:
            torch.onnx.export(
                module, (), path, kwargs=given, dynamo=True, dynamic_shapes=axes, input_names=list(inputs),
                optimize=exporter == "dynamo", external_data=False, verbose=False,
            )  # fmt: skip


def _take_by_position(module: Any, names: Iterable[str]) -> None:
    """Let the module take these arguments, in this order, and give a tuple, as TorchScript's tracer asks. Its names stay."""
    forward = module.forward
    module.forward = lambda *given: tuple(flat_outputs(forward(**dict(zip(names, given, strict=True)))))


def main(wanted: list[str]) -> None:
    for original in ORIGINALS.values():
        for exporter in EXPORTERS:
            if wanted and original.name not in wanted:
                continue
            try:
                path = exported(original, exporter)
                print(f"{path}: {path.stat().st_size:,} bytes", flush=True)
            except Exception as error:
                print(f"{original.name}.{exporter}: {type(error).__name__}: {str(error)[:1500]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
