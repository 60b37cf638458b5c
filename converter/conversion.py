"""From a source to a folder that needs only the target framework, and back from that folder."""

from __future__ import annotations

import importlib.metadata
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converter import passes, readers
from converter.emitters import Emitted, Port, emit
from converter.emitters.onnx import save_model
from converter.emitters.stored import to_source, to_stored
from converter.emitters.visible import Visible
from converter.errors import ConversionError, Problem, ReadError, UnsupportedError
from converter.graph import Graph, Source
from converter.operators import refusals
from converter.targets import TARGETS, Target
from converter.verification import BATCH_SIZES, SEEDS, run, verify
from converter.verification.candidate import Candidate
from converter.verification.limits import LIMITS, Limits
from converter.verification.report import Report
from converter.verification.seeding import seeded
from converter.verification.worker import KilledError, RunError, require, run_model, save_weights

RECORD = "conversion.json"
_WEIGHTS = {"keras": "model.weights.h5", "pytorch": "model.safetensors"}
_WRITTEN = {RECORD, "model.py", "model.onnx", "model.onnx.data", *_WEIGHTS.values(), "__pycache__"}
_FAULT = "This is a fault of converter: please report it."
_KILLED = "The process that does it was ended from outside, mostly for lack of memory or of time: try again with more of them."
_PACKAGES = {"keras": ("keras", "tensorflow", "tensorflow-cpu", "torch", "jax"), "pytorch": ("torch",), "onnx": ("onnx",)}


def read(path: str | Path, variable: str | None = None) -> Graph:
    """The graph of a MATLAB or ONNX file, with everything explicit.

    ``variable`` names the network in a .mat file that holds several. Raises ReadError.
    """
    graph = readers.read(Path(path), variable=variable)
    try:
        passes.normalise(graph)
    except ConversionError as error:
        error.source = error.source or str(path)
        raise
    return graph


def convert(
    source: str | Path | Graph,
    to: Target,
    out: str | Path,
    *,
    verify: bool = True,
    same: bool = False,
    variable: str | None = None,
    seeds: Sequence[int] = SEEDS,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    tolerance: float | None = None,
    limits: Limits = LIMITS,
    layers: bool = False,
) -> Conversion:
    """Convert ``source`` and write the folder ``out``, whole or not at all; ``report`` of the result tells whether it is equal.

    ``same`` writes ``padding="same"`` wherever that is equal for every input size. ``seeds``, ``batch_sizes``, ``tolerance``,
    ``limits`` (of each run of the emitted code) and ``layers`` are those of the verification. Raises ConversionError with every
    reason why the source cannot be read or said in the target, or why the folder cannot be written.
    """
    if to not in TARGETS:
        raise ConversionError(Problem(f"unknown target {to!r}.", advice=f"Choose one of {', '.join(TARGETS)}."))
    out = Path(out)
    _check_destination(out)
    graph = source if isinstance(source, Graph) else read(source, variable)
    if problems := refusals(graph, to):
        raise UnsupportedError(problems, graph.source.path)
    emitted = None if to == "onnx" else emit(graph, to, same=same)
    if verify or (to == "keras" and emitted is not None and any(w.has_data for w in emitted.weights.values())):
        require(to)
    with _written_whole(out) as folder:
        conversion = _write(graph, to, emitted, folder, variable=variable, same=same, limits=limits)
        if verify:
            conversion.verify(seeds=seeds, batch_sizes=batch_sizes, tolerance=tolerance, limits=limits, layers=layers)
        else:
            conversion._save()
    conversion.folder = out
    return conversion


def open(folder: str | Path) -> Conversion:
    """The conversion in a folder written by ``convert``. Raises ReadError where there is none."""
    folder = Path(folder)
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Conversion._from_record(folder, record)
    except OSError as error:
        what = "there is no such folder" if not folder.exists() else f"it holds no readable {RECORD} ({error.strerror})"
        raise ReadError(Problem(f"{what}.", advice="Give a folder written by `converter convert`."), str(folder)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise ReadError(Problem(f"it is no record of a conversion ({detail}).", advice="Convert again."), str(path)) from None


@dataclass
class Conversion:
    """A converted model in its folder.

    ``inputs`` and ``outputs`` are its ports in order, ``report`` the last verification, ``notes`` what was assumed.
    """

    folder: Path
    target: Target
    inputs: list[Port]
    outputs: list[Port]
    source: dict[str, Any]
    """``file``, ``path`` (relative to the folder), ``sha256``, ``producer``, ``kind``, ``variable``."""
    versions: dict[str, str] = field(default_factory=dict)
    same: bool = False
    notes: list[str] = field(default_factory=list)
    report: Report | None = None
    _graph: Graph | None = None
    _emitted: Emitted | None = None
    _model: Any = None

    def load(self) -> Any:
        """The emitted model itself, with its weights: a ``keras.Model``, an ``nn.Module`` or an ``InferenceSession``."""
        require(self.target)
        return run.FRAMEWORKS[self.target].load(self.folder)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the emitted model in this process, with source names and source axis order in and out.

        Raises ConversionError for a missing or unknown name, or an array of another rank or kind.
        """
        arrays = [to_stored(array, port, self.target) for port, array in zip(self.inputs, self._checked(inputs), strict=True)]
        if self._model is None:
            self._model = self.load()
        results = run.FRAMEWORKS[self.target].call(self._model, arrays, len(self.outputs))
        return {
            port.source_name: to_source(array, port, self.target) for port, array in zip(self.outputs, results, strict=True)
        }

    def verify(
        self,
        *,
        source: str | Path | None = None,
        seeds: Sequence[int] = SEEDS,
        batch_sizes: Sequence[int] = BATCH_SIZES,
        tolerance: float | None = None,
        limits: Limits = LIMITS,
        layers: bool = False,
        keep: bool = True,
    ) -> Report:
        """Compare with onnxruntime, the emitted code in a process of its own, and ``keep`` the report in the folder.

        Where something differs, the report tells the first layer that does; ``layers`` asks for all layers in any case.

        A conversion opened from disk reads its source again: at ``source``, by default where it was. Raises ConversionError
        where that is gone or another file than was converted.
        """
        require(self.target)
        graph = self._source_graph(source)
        if self._emitted is None and self.target != "onnx":
            self._emitted = emit(graph, self.target, same=self.same)
        weights, visible = {}, Visible.whole(graph)
        if self._emitted is not None:
            weights, visible = self._emitted.weights, self._emitted.visible
        candidate = Candidate(self.target, self.folder, self.inputs, self.outputs, weights, visible, limits)
        self.report = verify(graph, candidate, seeds=seeds, batch_sizes=batch_sizes, tolerance=tolerance, layers=layers)
        if keep:
            self._save()
        return self.report

    def _source_graph(self, source: str | Path | None) -> Graph:
        if self._graph is not None and source is None:
            return self._graph
        place = str(self.folder)
        if source is None and not self.source["path"]:
            reason = "its source was a graph in memory, so nothing is left to compare with."
            raise ConversionError(Problem(reason, advice="Convert again from that graph."), place)
        path = Path(source) if source is not None else self.folder / self.source["path"]
        if not path.is_file():
            reason = f"its source {self.source['file']} is no longer at {path}, so there is nothing to compare with."
            raise ConversionError(Problem(reason, advice="Put it back, or give its place: verify(source=...)."), place)
        graph = read(path, self.source["variable"])
        if graph.source.sha256 != self.source["sha256"]:
            reason = f"its source {path} is not the file that was converted: its SHA-256 differs."
            raise ConversionError(Problem(reason, advice="Convert again."), place)
        self._graph = graph
        return graph

    def _checked(self, inputs: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
        expected = [port.source_name for port in self.inputs]
        problems = [Problem(f"input {name!r} is missing.") for name in expected if name not in inputs]
        problems += [
            Problem(f"there is no input {name!r}.", advice=f"The inputs are {', '.join(expected)}.")
            for name in inputs
            if name not in expected
        ]
        if problems:
            raise ConversionError(problems, str(self.folder))
        for port in self.inputs:
            if port.kind != "tensor":
                yield inputs[port.source_name]
                continue
            array = np.asarray(inputs[port.source_name])
            dtype = np.dtype(port.dtype)
            if array.ndim != len(port.shape) or not np.can_cast(array.dtype, dtype, "same_kind"):
                found = f"{array.dtype} of shape {array.shape}"
                raise ConversionError(
                    f"input {port.source_name!r} is {dtype} of shape {port.shape}, not {found}.", str(self.folder)
                )
            yield array.astype(dtype, copy=False)

    def _save(self) -> None:
        record = {
            "converter": importlib_version("converter"),
            "target": self.target,
            "source": self.source,
            "versions": self.versions | (self.report.versions if self.report else {}),
            "same": self.same,
            "inputs": [asdict(port) for port in self.inputs],
            "outputs": [asdict(port) for port in self.outputs],
            "notes": self.notes,
            "verification": None if self.report is None else self.report.to_json(),
        }
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        (self.folder / RECORD).write_text(text, encoding="utf-8")

    @classmethod
    def _from_record(cls, folder: Path, record: dict[str, Any]) -> Conversion:
        if record["target"] not in TARGETS:
            raise ValueError(f"unknown target {record['target']!r}")
        source = record["source"]
        report = record["verification"]
        return cls(
            folder,
            record["target"],
            [_port(row) for row in record["inputs"]],
            [_port(row) for row in record["outputs"]],
            {key: source[key] for key in ("file", "path", "sha256", "producer", "kind", "variable")},
            dict(record["versions"]),
            bool(record["same"]),
            list(record["notes"]),
            None if report is None else Report.from_json(report),
        )


def _port(row: dict[str, Any]) -> Port:
    shape, axes, classes = (tuple(row[key]) for key in ("shape", "axes", "classes"))
    return Port(row["source_name"], row["name"], row["dtype"], shape, axes, row["kind"], classes)


def _write(
    graph: Graph, target: Target, emitted: Emitted | None, folder: Path, *, variable: str | None, same: bool, limits: Limits
) -> Conversion:
    """Write model and weights into ``folder``; the record is not written yet."""
    notes = list(graph.notes)
    if emitted is None:
        with seeded(graph) as fresh:
            save_model(graph, folder / "model.onnx")
        if fresh:
            notes.append("The source holds no numbers for some weights: model.onnx has random ones in their place.")
        inputs, outputs = _onnx_ports(graph.inputs, {}), _onnx_ports(graph.outputs, graph.classes)
    else:
        inputs, outputs = emitted.inputs, emitted.outputs
        (folder / "model.py").write_text(emitted.code, encoding="utf-8")
        if any(weight.has_data for weight in emitted.weights.values()):
            _write_weights(target, emitted, folder, limits)
    source = _source_record(graph.source, folder, variable)
    return Conversion(folder, target, inputs, outputs, source, _versions(target), same, notes, None, graph, emitted)


def _write_weights(target: Target, emitted: Emitted, folder: Path, limits: Limits) -> None:
    if target == "pytorch":
        save_weights(emitted.weights, folder / _WEIGHTS[target], target)
        return
    try:
        run_model(target, folder, save=emitted.weights, limits=limits)
    except RunError as error:
        reason = f"Keras could not build the emitted model and write its weights: {error}"
        raise ConversionError(Problem(reason, advice=_KILLED if isinstance(error, KilledError) else _FAULT)) from None


def _onnx_ports(values: Sequence[Any], classes: Mapping[str, tuple[str, ...]]) -> list[Port]:
    """Ports of an ONNX model, which keeps the names and the axis order of the graph."""
    return [
        Port(
            v.name,
            v.name,
            "" if v.dtype is None else v.dtype.name,
            v.shape or (),
            tuple(range(v.rank or 0)),
            v.kind,
            classes.get(v.name, ()),
        )
        for v in values
    ]


def _source_record(source: Source, folder: Path, variable: str | None) -> dict[str, Any]:
    # The folder is still the temporary one, a sibling of the final one: the relative path is the same.
    path = None if source.path is None else Path(os.path.relpath(source.path, folder)).as_posix()
    return {
        "file": "" if source.path is None else Path(source.path).name,
        "path": path,
        "sha256": source.sha256,
        "producer": source.producer,
        "kind": source.kind,
        "variable": variable,
    }


def _versions(target: Target) -> dict[str, str]:
    """Versions of what is installed for ``target``, told without importing it."""
    found = {name: importlib_version(name) for name in _PACKAGES[target]}
    return {name: version for name, version in found.items() if version}


def importlib_version(name: str) -> str:
    """The version of an installed package, empty where there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


# The folder -----------------------------------------------------------------------------------------------------------------


def _check_destination(out: Path) -> None:
    """Only an empty place or an earlier conversion, with nothing of the user's in it, is written over."""
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise ConversionError(Problem("there is a file of this name.", advice="Choose another output folder."), str(out))
    names = {entry.name for entry in out.iterdir()}
    if not names:
        return
    if RECORD not in names:
        reason = "the folder is not empty and holds no conversion, so it is not written over."
        raise ConversionError(Problem(reason, advice="Choose another output folder."), str(out))
    if foreign := sorted(names - _WRITTEN):
        reason = f"the folder holds an earlier conversion and other files ({', '.join(foreign[:5])}), so it is not replaced."
        raise ConversionError(Problem(reason, advice="Move them, or choose another output folder."), str(out))


@contextmanager
def _written_whole(out: Path) -> Iterator[Path]:
    """A temporary folder beside ``out``, which takes its place when the block ends well and is deleted otherwise."""
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        _replace(temporary, out)
    except OSError as error:
        reason = f"the folder cannot be written: {error.strerror or error}."
        raise ConversionError(Problem(reason, advice="Check its permissions and the free space."), str(out)) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace(folder: Path, out: Path) -> None:
    if not out.exists():
        folder.rename(out)
        return
    old = folder.with_name(folder.name + ".old")
    out.rename(old)
    try:
        folder.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old)
