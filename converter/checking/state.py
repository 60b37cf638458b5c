"""What has already passed with the same inputs: a file of JSON lines, to which each result is added as soon as it is there."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import converter
from converter.checking.process import Options
from converter.checking.results import Result
from converter.checking.selection import Check

_FRAMEWORKS = ("onnx", "onnxruntime", "numpy", "keras", "tensorflow", "tensorflow-cpu", "torch", "jax", "safetensors")


_BEGINNING = b'{"key": '
_MOST = 4
"""Results that are kept of each check, on average: of other versions of its files or of the packages, which may come back."""


class State:
    """The results in ``path`` that were equal, by the key of their inputs. A line that was cut off is left out.

    Raises OSError where the file cannot be read and written, ValueError where it is a file of another kind.
    """

    def __init__(self, path: Path):
        self._path = path
        self._passed: dict[str, Result] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise ValueError("it is no file")
        with path.open("a+b") as file:
            file.seek(0)
            text = file.read()
            if text and not text.startswith(_BEGINNING[: len(text)]):
                raise ValueError("it is no file that --resume wrote")
            if text and not text.endswith(b"\n"):
                file.write(b"\n")
        latest: dict[tuple[str, str], bytes] = {}
        for line in text.splitlines():
            try:
                entry = json.loads(line)
                result = self._passed[entry["key"]] = Result.from_json(entry["result"])
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
            latest[result.path, result.target] = line
        if len(self._passed) > _MOST * len(latest):
            self._write(latest.values())

    def _write(self, lines: Iterable[bytes]) -> None:
        """Let the file have these lines alone: it is the old one or the new one, whenever this ends."""
        with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=f"{self._path.name}.", delete=False) as file:
            file.writelines(line + b"\n" for line in lines)
        shutil.copymode(self._path, file.name)
        Path(file.name).replace(self._path)

    def passed(self, check: Check, key: str) -> Result | None:
        """The earlier result of a check whose inputs have ``key``, as one of ``check``, whose path may be another now."""
        found = self._passed.get(key)
        if found is None or found.status != "equal":
            return None
        return check.result("equal", seconds=found.seconds, report=found.report, code=found.code, resumed=True)

    def add(self, key: str, result: Result) -> None:
        """Keep a result that is equal; it is on the disk when this returns. Raises OSError."""
        if result.status != "equal" or result.resumed:
            return
        line = json.dumps({"key": key, "result": result.to_json()}) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def key(check: Check, options: Options) -> str:
    """A digest of all that decides a check: the spec, the source with its external data, the target, this package and the
    packages that run. OSError where a file cannot be read."""
    parts = [check.target, "with layers" if options.layers else "", packages(), os.environ.get("KERAS_BACKEND", "")]
    parts += [f"{name} {digest(path)}" for name, path in sorted(files(check).items())]
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()


def files(check: Check) -> dict[str, Path]:
    """What a check reads: the spec or the files of the conversion, and the source, by names that do not depend on where they
    lie."""
    found: dict[str, Path] = {}
    if check.is_conversion:
        found |= {f"conversion/{path.name}": path for path in check.place.iterdir() if path.is_file()}
    else:
        found["spec.toml"] = check.place
    if check.source is not None:
        found[f"source/{check.source.name}"] = check.source
        found |= {f"source/{name}": check.source.parent / name for name in external_data(check.source)}
    return found


def external_data(model: Path) -> list[str]:
    """Paths, relative to an ONNX file and below its folder, of the files that hold its weights."""
    if model.suffix != ".onnx":
        return []
    import onnx
    from google.protobuf.message import DecodeError

    try:
        proto = onnx.load(model, load_external_data=False)
    except (DecodeError, ValueError):  # the check says what is wrong with it
        return []
    names = {entry.value for tensor in _tensors(proto.graph) for entry in tensor.external_data if entry.key == "location"}
    folder = model.parent.resolve()
    inside = [name for name in names if (folder / name).resolve().is_relative_to(folder)]
    return sorted(name for name in inside if (folder / name).is_file())


def _tensors(graph):
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from [attribute.t, *attribute.tensors]
            for each in [attribute.g, *attribute.graphs]:
                if each.node or each.initializer:
                    yield from _tensors(each)


@cache
def packages() -> str:
    """This package by its code, which changes more often than its version, and the versions of those that run."""
    code = hashlib.sha256()
    for path in sorted(Path(converter.__file__).parent.rglob("*.py")):
        code.update(path.read_bytes())
    entries = importlib.metadata.entry_points(group="converter.operators")
    own = sorted(f"{entry.dist.name} {entry.dist.version}" for entry in entries if entry.dist is not None)
    return "\n".join([code.hexdigest(), *own, *(f"{name} {_version(name)}" for name in _FRAMEWORKS)])


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
