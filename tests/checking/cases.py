"""Specs, results and a model whose code misbehaves, for the tests of ``converter check``."""

from __future__ import annotations

import math
from pathlib import Path

import converter
from converter.checking.results import Result
from converter.conversion import RECORD
from converter.verification.compare import FLOAT32
from converter.verification.report import Case, OutputReport, Report, Where
from tests import models


def spec(
    folder: Path, name: str = "a", *, model: str = "model.onnx", targets: str = '"onnx"', more: str = "seeds = [0]"
) -> Path:
    """A spec of a tiny model, which is written where there is none."""
    folder.mkdir(exist_ok=True, parents=True)
    if not (folder / model).exists() and model.endswith(".onnx"):
        models.classifier(folder / model)
    path = folder / f"{name}.toml"
    path.write_text(f'[equivalence]\nmodel = "{model}"\ntargets = [{targets}]\n{more}\n')
    return path


def broken(folder: Path, code: str) -> Path:
    """A conversion to PyTorch that runs ``code`` before anything else."""
    source = folder.parent / f"{folder.name}.onnx"
    models.classifier(source)
    converter.convert(source, "pytorch", folder, verify=False)
    model = folder / "model.py"
    model.write_text(f"{code}\n{model.read_text()}")
    assert (folder / RECORD).is_file()
    return folder


def report(error: float = 1e-7, **fields) -> Report:
    place = Where("seed 0, batch 1", (0, 2))
    outputs = {"scores": OutputReport(FLOAT32, error, error, place)}
    return Report("onnx", "onnxruntime 1", [Case(place.case, {"image": (1, 3)}, "normal")], outputs, **fields)


def every_status(path: str = "specs/a.toml") -> list[Result]:
    """One result of each kind."""
    return [
        Result(path, "model.onnx", "onnx", "equal", 1.5, report(), line=3),
        Result(path, "model.onnx", "pytorch", "not equal", 2.0, report(math.inf), code="x = 1\n", line=3),
        Result(path, "model.onnx", "keras", "crashed", 0.5, problems=["ended by signal SIGSEGV"], line=3),
        Result("specs/b.toml", "", "", "refused", problems=["model: it is missing.", "targets: it is missing."]),
        Result("specs/c.toml", "model.onnx", "onnx", "not run"),
    ]
