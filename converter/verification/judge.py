"""The judge: onnxruntime, without graph optimisations, so that it follows the plain definition of every operator."""

from __future__ import annotations

import functools
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx.numpy_helper
import onnx.version_converter
import onnxruntime

from converter.emitters.onnx import Writer, save_model
from converter.graph import Graph, Value
from converter.verification.compare import is_floating
from converter.verification.continuity import is_continuous
from converter.verification.exact import PREFIX, Axes, coarse, in_float64, in_sequence
from converter.verification.last_bits import with_moved_results
from converter.verification.sessions import ERRORS, session_of

_PROTOBUF_LIMIT = 2**31 - 2**24
_OLDEST = 7
"""The oldest opset that onnxruntime promises to run."""


WAYS = ("optimiser", "weights", "inputs", "inside")
"""How the judge may be asked for answers that are as right, what mostly moves them most first."""


class JudgeError(Exception):
    """onnxruntime cannot run the source, or not on this input; the message is its own."""


class Judge:
    """Answers for ``graph``: a graph from an ONNX file is judged by that file itself, any other by its own ONNX form.

    Every weight must have data. ``onnxruntime_too``: what is judged is run by onnxruntime as well, so that what it computes
    coarsely is right on both sides. A context manager, which holds the temporary file of the ONNX form. Raises JudgeError.
    """

    def __init__(self, graph: Graph, *, onnxruntime_too: bool = False):
        self._graph = graph
        self._exact_elsewhere = not onnxruntime_too
        self._resources = ExitStack()
        original = graph.source.model
        what = "the source file" if original is not None else "the graph's ONNX form"
        self.name = f"onnxruntime {onnxruntime.__version__} ({what}, no optimisations)"
        with self._resources:
            if original is None:
                folder = self._resources.enter_context(tempfile.TemporaryDirectory(prefix="converter-"))
                original = Path(folder) / "model.onnx"
                save_model(graph, original)
            self._model = original
            rounds = any(node.op_type == "DynamicQuantizeLSTM" for each in graph.nested() for node in each.nodes)
            self._threads = 1 if rounds else 0  # each thread rounds the states of its samples by their own range
            try:
                self._session = _session(original, threads=self._threads)
            except JudgeError as error:
                raised = _raised(original)
                if raised is None:
                    raise
                self._session = _session(raised, threads=self._threads)
                self._model = raised
                what = f"{what}, which it cannot run ({error}), at opset {_OLDEST} by onnx.version_converter"
                self.name = f"onnxruntime {onnxruntime.__version__} ({what}, no optimisations)"
            self._resources = self._resources.pop_all()

    @property
    def model(self) -> str | Path | bytes:
        """The model that answers: the file itself, raised to an opset it knows, or the graph's ONNX form."""
        return self._model

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def other_answers(self, way: str, questions: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        """For the inputs of each question an answer that is as right as ``answer``, or as ``answers_by_definition`` where the
        network has what onnxruntime computes coarsely: in one of the ``WAYS``.

        "optimiser" sums in another order, for floating inputs one unit in the last place away, "inputs" is for such alone;
        "weights" has them one unit in the last place away, as the rounding of every layer moves them, and "inside" what each
        operator gives. Raises JudgeError.
        """
        rng = np.random.default_rng(WAYS.index(way))
        if way == "weights":
            with _nudged_weights(self._exact, rng) as (moved, weights):
                return self._answers(_session(moved, threads=self._threads, weights=weights), questions)
        if way == "inside":
            return self._answers(self._moved_session, questions)
        nudged = [{name: _nudged(array, rng) for name, array in inputs.items()} for inputs in questions]
        if way == "optimiser":
            try:
                return self._answers(_session(self._exact, optimised=True, threads=self._threads), nudged)
            except JudgeError:  # it makes operators that do not take all that the plain ones do
                pass
        return self._answers(self._exact_session, nudged)

    def answers_near(
        self, inputs: Mapping[str, np.ndarray], usual: Mapping[str, float], units: int, count: int, *, weights: bool = False
    ) -> list[dict[str, np.ndarray]]:
        """So many answers to inputs of which each number is moved by up to some units in the last place of the largest of the
        ``usual`` ones (by input) and of itself: numbers inside are like the usual ones, and rounded as they are. With
        ``weights`` these are as many units away. What onnxruntime computes coarsely is in float64.
        Raises JudgeError."""
        rng, found = np.random.default_rng(0), []
        for _ in range(count):
            near = {name: _moved(array, usual.get(name, 0.0), units, rng) for name, array in inputs.items()}
            if weights:
                with _nudged_weights(self._exact, rng, units) as (moved, numbers):
                    found += self._answers(_session(moved, threads=self._threads, weights=numbers), [near])
            else:
                found += self._answers(self._exact_session, [near])
        return found

    @functools.cached_property
    def continuous(self) -> bool:
        """Whether what the network computes is continuous."""
        return is_continuous(self._graph)

    def structure(self) -> onnx.ModelProto:
        """The model that answers, loaded anew but for data of weights that lies in other files."""
        if isinstance(self._model, bytes):
            return onnx.load_from_string(self._model)
        return onnx.load(self._model, load_external_data=False)

    @property
    def is_coarse(self) -> bool:
        """Whether onnxruntime computes some of the network coarsely, and what is judged does not."""
        return bool(self._coarse_places)

    @functools.cached_property
    def _coarse_places(self) -> dict[int, Axes]:
        return coarse(self.structure()) if self._exact_elsewhere else {}

    def answers_by_definition(self, questions: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        """The answers with what is coarse in float64, by the definition of the operators. Raises JudgeError."""
        return self._answers(self._exact_session, questions)

    def answers_in_sequence(self, questions: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        """The answers with coarse sums taken of one number after another, as coarsely as any framework does. Raises
        JudgeError."""
        return self._answers(self._sequential_session, questions)

    @functools.cached_property
    def _moved_session(self) -> onnxruntime.InferenceSession:
        proto = _loaded(self._exact)
        with_moved_results(proto, PREFIX)
        with _written(proto) as path:
            return _session(path, threads=self._threads)

    @functools.cached_property
    def _sequential_session(self) -> onnxruntime.InferenceSession:
        proto = _loaded(self._model)
        in_sequence(proto, self._coarse_places)
        with _written(proto) as path:
            return _session(path, threads=self._threads)

    @functools.cached_property
    def _exact_session(self) -> onnxruntime.InferenceSession:
        return _session(self._exact, threads=self._threads) if self.is_coarse else self._session

    @functools.cached_property
    def _exact(self) -> str | Path | bytes:
        """The model, with what it computes coarsely in float64."""
        if not self.is_coarse:
            return self._model
        proto = _loaded(self._model)
        in_float64(proto, self._coarse_places)
        return self._resources.enter_context(_written(proto))

    def inside(self, value: Value, inputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """What a value inside the network is, by the ONNX form of the graph; None where it cannot be told."""
        if value in self._graph.inputs:
            return inputs.get(value.name)
        name = Writer(self._graph, weights=False).names.get(value)
        if name is None:
            return None
        with tempfile.TemporaryDirectory(prefix="converter-") as folder:
            path = Path(folder) / "model.onnx"
            save_model(self._graph, path)
            model = onnx.load(path, load_external_data=False)
            model.graph.output.append(onnx.ValueInfoProto(name=name))
            onnx.save(model, path)
            try:
                return _session(path, threads=self._threads).run(
                    [name], {port.name: inputs[port.name] for port in self._graph.inputs}
                )[0]
            except (*ERRORS, JudgeError):
                return None

    def _answers(
        self, session: onnxruntime.InferenceSession, questions: Sequence[Mapping[str, np.ndarray]]
    ) -> list[dict[str, np.ndarray]]:
        """The answers of another session."""
        plain = self._session
        try:
            self._session = session
            return [self.answer(inputs) for inputs in questions]
        finally:
            self._session = plain

    def answer(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs, by graph output name, for inputs by name, both in source axis order.

        Where the file fixes a batch of one and the graph had it freed, each sample is run by itself.
        """
        freed = self._freed_inputs()
        sizes = {inputs[name].shape[0] for name in freed}
        if sizes <= {1}:
            return self._run(inputs)
        if len(sizes) > 1:
            raise JudgeError(f"inputs {', '.join(sorted(freed))} have different batch sizes")
        parts = [
            self._run({name: array[i : i + 1] if name in freed else array for name, array in inputs.items()})
            for i in range(sizes.pop())
        ]
        batched = {value.name: bool(value.shape) and isinstance(value.shape[0], str) for value in self._graph.outputs}
        return {name: np.concatenate([p[name] for p in parts]) if batched[name] else parts[0][name] for name in parts[0]}

    def _freed_inputs(self) -> set[str]:
        fixed = {port.name for port in self._session.get_inputs() if port.shape and port.shape[0] == 1}
        return {value.name for value in self._graph.inputs if value.name in fixed and value.shape and value.shape[0] != 1}

    def _run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        names = [port.name for port in self._session.get_inputs()]
        if missing := [name for name in names if name not in inputs]:
            raise JudgeError(f"it has inputs that the graph has not: {', '.join(missing)}")
        try:
            outputs = self._session.run(None, {name: inputs[name] for name in names})
        except ERRORS as error:
            raise JudgeError(_plain(error)) from None
        return {value.name: output for value, output in zip(self._graph.outputs, outputs, strict=True)}


def _nudged(array: Any, rng: np.random.Generator) -> Any:
    """Each number moved up or down by one unit in the last place."""
    if isinstance(array, list):
        return [_nudged(item, rng) for item in array]
    if not isinstance(array, np.ndarray) or not is_floating(array.dtype):
        return array
    return np.asarray(np.nextafter(array, np.where(rng.random(array.shape) < 0.5, np.inf, -np.inf).astype(array.dtype)))


def _moved(array: Any, usual: float, units: float, rng: np.random.Generator) -> Any:
    """Each number moved up or down by up to so many units in the last place of itself and of the ``usual`` number."""
    if not isinstance(array, np.ndarray) or not is_floating(array.dtype):
        return array
    numbers = array.astype(np.float64)
    unit = units * float(ml_dtypes.finfo(array.dtype).eps)
    return np.asarray(numbers + unit * (np.abs(numbers) + usual) * rng.uniform(-1, 1, array.shape)).astype(array.dtype)


_OWN_WEIGHTS = {"base_values", "target_weights", "class_weights", "coefficients", "intercepts"}
"""Attributes of ai.onnx.ml that hold weights."""


@contextmanager
def _nudged_weights(
    model: str | Path | bytes, rng: np.random.Generator, units: int = 1
) -> Iterator[tuple[str | Path | bytes, dict[str, onnxruntime.OrtValue]]]:
    """(the model, its floating weights moved by so many units by name), but for numbers so round that they are constants rather
    than weights."""
    proto = _loaded(model)
    weights = {
        tensor.name: onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(
            _nudged_weight(onnx.numpy_helper.to_array(tensor), rng, _ROUND_BITS[tensor.data_type], units), tensor.data_type
        )
        for tensor in proto.graph.initializer
        if tensor.data_type in _ROUND_BITS and math.prod(tensor.dims)
    }
    own = [each for node in proto.graph.node for each in node.attribute if each.name in _OWN_WEIGHTS and each.floats]
    for attribute in own:
        attribute.floats[:] = _nudged(np.array(attribute.floats, np.float32), rng).tolist()
    resized = _move_factors(proto.graph)
    if not own and not resized:
        yield model, weights
        return
    with _written(proto) as path:
        yield path, weights


_BETWEEN = (b"linear", b"cubic")


def _move_factors(graph: onnx.GraphProto) -> bool:
    """Move the factors by which images are resized between their pixels, where places are rounded by as much as they are far
    from the first one; those of the nearest pixel stay, as it would be another one. Whether there are any."""
    held = {tensor.name: tensor for tensor in graph.initializer}
    held |= {n.output[0]: a.t for n in graph.node if n.op_type == "Constant" for a in n.attribute if a.name == "value"}
    moved: dict[str, onnx.TensorProto] = {}
    for node in graph.node:
        between = node.op_type == "Resize" and any(attribute.s in _BETWEEN for attribute in node.attribute)
        tensor = held.get(node.input[2]) if between and len(node.input) > 2 else None
        if tensor is not None and math.prod(tensor.dims):
            name = f"{node.input[2]}/moved"
            moved[name] = onnx.numpy_helper.from_array(_nudged_factors(onnx.numpy_helper.to_array(tensor)), name)
            node.input[2] = name
    graph.initializer.extend(moved.values())
    return bool(moved)


def _nudged_factors(array: np.ndarray) -> np.ndarray:
    """Each factor one unit in the last place away, but for powers of two, which no place is rounded by, on the side on which
    no size becomes another: of 4 / 3 rounded down, 3 pixels are 3.9999998, which are 3, and of the number above would be 4."""
    near = np.array([float(Fraction(float(each)).limit_denominator(1000)) for each in array.reshape(-1)]).reshape(array.shape)
    beyond = np.nextafter(array, np.where(array < near, 0, np.inf).astype(array.dtype))
    return np.where(np.frexp(array)[0] == 0.5, array, beyond)


def _loaded(model: str | Path | bytes) -> onnx.ModelProto:
    return onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(model)


@contextmanager
def _written(proto: onnx.ModelProto) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="converter-") as folder:
        path = Path(folder) / "model.onnx"
        large = sum(len(tensor.raw_data) for tensor in proto.graph.initializer) > _PROTOBUF_LIMIT
        onnx.save(proto, path, save_as_external_data=large)
        yield path


_ROUND_BITS = {
    onnx.TensorProto.DOUBLE: 42,
    onnx.TensorProto.FLOAT: 13,
    onnx.TensorProto.FLOAT16: 4,
    onnx.TensorProto.BFLOAT16: 3,
}
"""The last bits of a number: one in which they are 0 is a constant like 0.5 or 3, and no weight."""


def _nudged_weight(array: np.ndarray, rng: np.random.Generator, bits: int, units: int) -> np.ndarray:
    """Each number moved towards 0 or away from it by so many units in the last place, if not its last ``bits`` are all 0."""
    numbers = array.reshape(-1).view(f"i{array.itemsize}")
    signs = np.unpackbits(np.frombuffer(rng.bytes(-(-numbers.size // 8)), np.uint8), count=numbers.size).view(np.int8)
    steps = (2 * signs - 1) * units * (numbers & (2**bits - 1) != 0)
    return (numbers + steps).astype(numbers.dtype, copy=False).view(array.dtype).reshape(array.shape)


def _session(model: str | Path | bytes, **how: Any) -> onnxruntime.InferenceSession:
    """``session_of``. Raises JudgeError."""
    try:
        return session_of(model, **how)
    except ERRORS as error:
        raise JudgeError(_plain(error)) from None


def _raised(path: Path | str | bytes) -> bytes | None:
    """The model at the oldest opset that onnxruntime promises to run, None where it is not older, or cannot be raised."""
    if isinstance(path, bytes) or Path(path).stat().st_size > _PROTOBUF_LIMIT:
        return None
    model = onnx.load(path)
    if not any(entry.domain in ("", "ai.onnx") and entry.version < _OLDEST for entry in model.opset_import):
        return None
    try:
        return onnx.version_converter.convert_version(model, _OLDEST).SerializeToString()
    except (onnx.version_converter.ConvertError, RuntimeError):  # it has no adapter for some operators
        return None


def _plain(error: Exception) -> str:
    """onnxruntime's message without its error code and the place in its own source."""
    text = " ".join(str(error).split())
    return text.rpartition(" : ")[2][:600] or type(error).__name__
