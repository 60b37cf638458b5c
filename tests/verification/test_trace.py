"""The instrumented code computes what the file does, and records each tensor with its line and what it was computed from."""

from __future__ import annotations

import ast
import textwrap

import numpy as np

from converter.verification.trace import OPERATORS, Recorder, _Instrument, differences


def traced(text: str, version=None, **given):
    """The recorder after running ``text``, in which arrays count as tensors."""
    recorder = Recorder(lambda value: isinstance(value, np.ndarray), lambda value: type(value).__name__ == "Layer")
    if version is not None:
        recorder.version, recorder.copied = version, np.array
    instrument = _Instrument()
    tree = instrument.visit(ast.parse(textwrap.dedent(text)))
    recorder.places = instrument.places
    space = {"__trace__": recorder, "__operators__": OPERATORS, "np": np, **given}
    exec(compile(tree, "model.py", "exec"), space)
    return recorder, space


def rows(recorder):
    return [(entry["line"], entry["operands"]) for entry in recorder.entries]


def test_each_expression_is_recorded_with_its_line_and_its_operands():
    recorder, space = traced(
        """
        a = np.ones(3)
        b = (a + 1) * np.exp(a)
        c = b[1:]
        """
    )
    assert np.array_equal(space["c"], (2 * np.exp(np.ones(3)))[1:])
    assert rows(recorder) == [(2, []), (3, [0]), (3, [0]), (3, [1, 2]), (4, [3])]


def test_what_a_function_gives_back_belongs_to_the_line_inside():
    recorder, _ = traced(
        """
        def double(x):
            return x * 2

        y = double(np.ones(2))
        """
    )
    assert rows(recorder) == [(5, []), (3, [0])]


def test_comprehensions_methods_and_texts_run_as_they_are():
    recorder, space = traced(
        """
        class Base:
            def __init__(self, size=2):
                self.size = size


        class Layer(Base):
            def __init__(self):
                super().__init__()

            def call(self, xs: list = ()):
                return [x * self.size for x in xs]


        layer = Layer()
        first, second = layer.call([np.ones(1), np.zeros(1)])
        text = f"{len(layer.call([]))}"
        largest = max((np.ones(2) for _ in range(2)), key=lambda x: x.sum())
        """
    )
    assert (space["first"][0], space["second"][0], space["text"]) == (2.0, 0.0, "0")
    assert list(recorder.constructed.values()) == [15]
    assert {line for line, _ in rows(recorder)} == {12, 16, 18}


def test_what_is_read_is_seen_whatever_the_expression():
    recorder, _ = traced(
        """
        a, b = np.ones(3), np.zeros(3)
        some = np.exp(a if len(a) == 3 else None)
        other = np.exp(None or b)
        both = np.concatenate([np.exp(x) for x in (a, b)])
        named = np.exp((c := a + b) * c)
        total = sum([a, b], start=some)
        picked = {"a": a}["a"][1:]
        """
    )
    assert rows(recorder) == [
        *[(2, []), (2, []), (3, [0]), (4, [1])],
        *[(5, [0]), (5, [1]), (5, [4, 5])],
        *[(6, [0, 1]), (6, [7]), (6, [8])],
        *[(7, [0, 1, 2]), (8, [0])],
    ]


def test_what_is_written_over_is_another_tensor_from_there_on():
    recorder, space = traced(
        """
        a = np.ones(3)
        b = a * 2
        a += b
        c = -a
        c[:1] = b[1:2]
        d = c + 1
        """,
        version=lambda array: array.tobytes(),
    )
    assert np.array_equal(space["d"], [3, -2, -2])
    assert rows(recorder) == [(2, []), (3, [0]), (4, [0, 1]), (5, [2]), (6, [1]), (6, [3, 4]), (7, [5])]
    assert [entry["copy"].tolist() for entry in recorder.entries][::2] == [[1, 1, 1], [3, 3, 3], [2], [3, -2, -2]]


def test_the_calls_that_a_tensor_is_computed_in():
    recorder, _ = traced(
        """
        def double(x):
            return x * 2


        def block(x):
            x = double(x + 1)
            return double(x)


        y = block(np.ones(2))
        """
    )
    calls = [[(call["line"], call["first"], call["last"]) for call in entry["calls"]] for entry in recorder.entries]
    assert rows(recorder) == [(11, []), (7, [0]), (3, [1]), (3, [2])]
    assert calls == [[], [(11, 1, 4)], [(7, 2, 3), (11, 1, 4)], [(8, 3, 4), (11, 1, 4)]]


def test_weights_are_compared_number_by_number():
    right = {"a": np.arange(4.0), "b": np.zeros(2), "c": np.ones((2, 3)), "d": np.array([np.nan])}
    wrong = {"a": np.array([0.0, 1.0, 2.5, 3.0]), "c": np.ones((3, 2)), "d": np.array([np.nan])}
    found = {row["key"]: row for row in differences(right, wrong)}
    assert (found["a"]["count"], found["a"]["index"], found["a"]["found"]) == (1, [2], 2.5)
    assert found["b"]["problem"] == "missing"
    assert found["c"] == {"key": "c", "problem": "shape", "expected": [2, 3], "found": [3, 2]}
    assert "d" not in found
