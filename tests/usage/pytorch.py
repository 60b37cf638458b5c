"""What people do with a PyTorch module. Each function does it and fails where the result is another than the module's own."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.originals.measures import flat_outputs, relative_error

EQUAL = 1e-5
ROUNDED = {torch.float16: 3e-2, torch.bfloat16: 1e-1}
"""By the largest number of an output: 11 and 8 bits, at every layer."""


def outputs(model: Any, tensors: list[Any]) -> list[np.ndarray]:
    with torch.no_grad():
        return [result.float().numpy() for result in flat_outputs(model(*tensors))]


def assert_equal(found: list[np.ndarray], wanted: list[np.ndarray], tolerance: float = EQUAL) -> None:
    assert len(found) == len(wanted)
    errors = [relative_error(f, w) for f, w in zip(found, wanted, strict=True)]
    assert max(errors) <= tolerance, errors


def compiles(model: Any, ask: Callable[[int], list[Any]], backend: str = "eager") -> None:
    """Whole, without a break of its graph, and once for all batch sizes above one."""
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend=backend)
    counters = torch._dynamo.utils.counters
    counters.clear()
    for batch in (2, 3, 5):
        assert_equal(outputs(compiled, ask(batch)), outputs(model, ask(batch)))
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] == 1


def exports(model: Any, ask: Callable[[int], list[Any]], free: list[dict[int, str]]) -> None:
    """By ``torch.export``, with every free axis left free."""
    dimensions: dict[str, Any] = {name: torch.export.Dim.DYNAMIC for axes in free for name in axes.values()}
    shapes = tuple({axis: dimensions[name] for axis, name in axes.items()} for axes in free)
    program = torch.export.export(model, tuple(ask(2)), dynamic_shapes=shapes)
    for batch in (2, 3):
        assert_equal(outputs(program.module(), ask(batch)), outputs(model, ask(batch)))


def traces(model: Any, ask: Callable[[int], list[Any]]) -> None:
    traced = torch.jit.trace(model, tuple(ask(2)), check_trace=False)
    for batch in (2, 3):
        assert_equal(outputs(traced, ask(batch)), outputs(model, ask(batch)))


def moves(model: Any, ask: Callable[[int], list[Any]]) -> None:
    """To another device, with all that it makes on the way."""
    wanted = outputs(model, ask(2))
    there = copy.deepcopy(model).to("meta")
    results = flat_outputs(there(*(tensor.to("meta") for tensor in ask(2))))
    assert [tuple(result.shape) for result in results] == [array.shape for array in wanted]
    assert {result.device.type for result in results} == {"meta"}


def computes_in(model: Any, ask: Callable[[int], list[Any]], dtype: Any) -> None:
    """In another precision: with weights of it, and by autocast."""

    def cast(tensors: list[Any]) -> list[Any]:
        return [tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in tensors]

    wanted = outputs(model, ask(3))
    with torch.no_grad():
        results = flat_outputs(copy.deepcopy(model).to(dtype)(*cast(ask(3))))
    assert {result.dtype for result in results if result.is_floating_point()} == {dtype}
    assert_equal([result.float().numpy() for result in results], wanted, ROUNDED[dtype])
    with torch.autocast("cpu", dtype):
        assert_equal(outputs(model, ask(3)), wanted, ROUNDED[dtype])


def copies(model: Any, ask: Callable[[int], list[Any]]) -> None:
    """Deeply: another that computes the same and shares no weight."""
    other = copy.deepcopy(model)
    wanted = outputs(model, ask(2))
    assert_equal(outputs(other, ask(2)), wanted)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert_equal(outputs(model, ask(2)), wanted)


def saves(model: Any, ask: Callable[[int], list[Any]]) -> None:
    """Its weights, which a fresh module takes strictly."""
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    fresh = type(model)().eval()
    fresh.load_state_dict(torch.load(file, weights_only=True), strict=True)
    assert_equal(outputs(fresh, ask(2)), outputs(model, ask(2)), 0.0)
