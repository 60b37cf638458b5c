"""The conformance suite of the standard, as the onnx wheel holds it, run through the emitted code."""

from __future__ import annotations

import functools
import re
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import onnx.backend.test.case.node
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from tests import emitted, topologies

TARGETS = ("pytorch", "keras")
GROUPS = ("node", "constants", "simple", "pytorch-converted", "pytorch-operator", "light")
EXCLUSIONS = tomllib.loads((Path(__file__).parents[1] / "exclusions.toml").read_text())
_BOUND = "_with_constants"
Data = tuple[tuple[list[Any], list[Any]], ...]


@dataclass(frozen=True)
class Case:
    """One model with inputs and the outputs that the standard expects of it.

    ``operator`` is the one a case of the node group is about, the name of the group elsewhere. ``read`` gives model and data.
    Of a ``random`` case the numbers are not compared.
    """

    name: str
    operator: str
    read: Callable[[], tuple[onnx.ModelProto, Data]]
    rtol: float
    atol: float

    def __str__(self) -> str:
        return self.name

    @property
    def random(self) -> bool:
        return self.name.removesuffix(_BOUND) in EXCLUSIONS["random"]


def cases(group: str) -> tuple[Case, ...]:
    """The cases of a group, by name; models of groups other than node are read where a case runs.

    The suite gives all inputs of a node as inputs of the model, real files hold most of them: the group ``constants`` is the
    node group with all inputs but the first held by the file.
    """
    if group == "node":
        return _node_cases()
    if group == "constants":
        chosen = [case for case in _node_cases() if _can_be_bound(case)]
        return tuple(replace(case, name=case.name + _BOUND, read=functools.partial(_bound, case)) for case in chosen)
    found = load_model_tests(kind="real" if group == "light" else group)
    return tuple(
        Case(case.name, group, functools.partial(_read, case.model_dir, case.model_name), case.rtol, case.atol)
        for case in sorted(found, key=lambda case: case.name)
    )


def _can_be_bound(case: Case) -> bool:
    model, data = case.read()
    tensors = all(info.type.WhichOneof("value") == "tensor_type" for info in model.graph.input)
    return len(model.graph.input) > 1 and len(data) == 1 and tensors


def _bound(case: Case) -> tuple[onnx.ModelProto, Data]:
    """The case with all inputs but the first as initializers."""
    model, ((inputs, outputs),) = case.read()
    bound = onnx.ModelProto()
    bound.CopyFrom(model)
    for info, value in zip(model.graph.input[1:], inputs[1:], strict=False):
        bound.graph.initializer.append(numpy_helper.from_array(np.asarray(plain(value)), info.name))
    del bound.graph.input[1:]
    return bound, ((inputs[:1], outputs),)


def _read(folder: str | None, name: str) -> tuple[onnx.ModelProto, Data]:
    """Model and data of a case that lies in a folder; without one it is a light model, on the runner's own numbers."""
    if folder is None:
        model = topologies.original(name)
        feeds = [np.arange(array.size, dtype=np.float32).reshape(array.shape) for array in topologies.inputs(model, 0).values()]
        expected = onnx.TensorProto.FromString((topologies.FOLDER / f"light_{name}_output_0.pb").read_bytes())
        return model, (([array / np.float32(array.size) for array in feeds], [expected]),)
    parts = sorted(Path(folder).glob("test_data_set_*"))
    return onnx.load(Path(folder) / "model.onnx"), tuple((_tensors(part, "input"), _tensors(part, "output")) for part in parts)


def _tensors(folder: Path, kind: str) -> list[onnx.TensorProto]:
    paths = sorted(folder.glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.removeprefix(f"{kind}_")))
    return [onnx.TensorProto.FromString(path.read_bytes()) for path in paths]


@functools.cache
def _node_cases() -> tuple[Case, ...]:
    """Every case of the suite's node group; an expanded one counts for the operator whose function body it holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow on purpose, while the suite computes its expectations
        found = onnx.backend.test.case.node.collect_testcases(None)
    operators = {case.name: case.model.graph.node[0].op_type for case in found if len(case.model.graph.node) == 1}
    return tuple(
        Case(
            case.name,
            operators.get(case.name) or operators.get(re.sub(r"_expanded.*", "", case.name), case.name),
            lambda case=case: (case.model, tuple(case.data_sets)),
            case.rtol,
            case.atol,
        )
        for case in found
    )


def excluded(case: Case, target: str) -> str | None:
    """Why the case does not pass, None where it does; one with constants may fail where the one with inputs does."""
    names = (case.name, case.name.removesuffix(_BOUND))
    return next((EXCLUSIONS[key][name] for key in ("both", target) for name in names if name in EXCLUSIONS[key]), None)


def run(case: Case, target: str) -> None:
    """Convert the case and compare what its code computes with what is expected; raises where they differ.

    Formatting the code takes a third of the time and is tested elsewhere.
    """
    with mock.patch(f"converter.emitters.{target}.formatted", lambda code: code):
        model, data = case.read()
        held = {tensor.name for tensor in model.graph.initializer}
        names = [value.name for value in model.graph.input if value.name not in held]
        for inputs, outputs in data:
            graph = emitted.read(model)
            feeds = {name: plain(value) for name, value in zip(names, inputs, strict=False)}
            results = emitted.run(graph, target, feeds)
            assert len(results) == len(outputs), f"{len(results)} outputs instead of {len(outputs)}"
            for have, want in zip(results, outputs, strict=True):
                assert_similar(have, plain(want), case)


def plain(value: Any) -> Any:
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return numpy_helper.to_optional(value)
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def assert_similar(have: Any, want: Any, case: Case) -> None:
    """Same structure, dtype and shape, and numbers within the case's own tolerance unless they are random."""
    if isinstance(want, list):
        assert isinstance(have, list | tuple), f"{type(have).__name__} instead of a sequence"
        for one, other in zip(have, want, strict=True):
            assert_similar(one, other, case)
        return
    if want is None:
        assert have is None
        return
    want = np.asarray(want)
    assert have.dtype == want.dtype, f"dtype {have.dtype} instead of {want.dtype}"
    assert have.shape == want.shape, f"shape {have.shape} instead of {want.shape}"
    if case.random:
        return
    if want.dtype == object or want.dtype.kind in "USb":
        np.testing.assert_array_equal(have, want)
        return
    rtol = max(case.rtol, 2**-6) if want.dtype == "bfloat16" else case.rtol  # two units in the last place, as the runner's
    if want.dtype.kind not in "fiuc":  # bfloat16 and the like
        have, want = have.astype(np.float64), want.astype(np.float64)
    np.testing.assert_allclose(have, want, rtol=rtol, atol=case.atol)
