"""Converts random networks and verifies them: sound ones must be equal, whatever they are made of."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import converter
from converter.errors import UnsupportedError
from tests.random_networks.images import image_network
from tests.random_networks.sequences import sequence_network

KINDS: dict[str, Callable[[int], onnx.ModelProto]] = {"image": image_network, "sequence": sequence_network}


@dataclass
class Outcome:
    """What became of one network in one target: "equal", "refused", or "failed" with the reason."""

    kind: str
    seed: int
    target: str
    result: str
    reason: str = ""


def network(kind: str, seed: int) -> onnx.ModelProto | None:
    """The network, None where onnxruntime does not run it: windows larger than the image, say."""
    model = KINDS[kind](seed)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        port = session.get_inputs()[0]
        shape = [2 if size == "n" else 9 if isinstance(size, str) else size for size in port.shape]
        session.run(None, {"x": np.zeros(shape, np.int64 if "int" in port.type else np.float32)})
    except Exception:
        return None
    return model


def outcomes(kind: str, seed: int, targets: tuple[str, ...] = ("pytorch", "keras")) -> Iterator[Outcome]:
    model = network(kind, seed)
    if model is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        for target in targets:
            try:
                report = converter.convert(path, to=target, out=Path(folder) / target).report
            except UnsupportedError as error:
                yield Outcome(kind, seed, target, "refused", str(error))
            except Exception as error:
                yield Outcome(kind, seed, target, "failed", f"{type(error).__name__}: {error}")
            else:
                yield Outcome(kind, seed, target, "equal" if report.ok else "failed", "" if report.ok else str(report))
