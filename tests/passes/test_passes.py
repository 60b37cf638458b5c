"""Each pass: what it does, what it leaves alone, and that onnxruntime's answer stays the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnx.helper
import onnx.parser
import pytest

from converter.emitters.onnx import save_model, to_model
from converter.errors import ReadError, UnsupportedError
from converter.graph import Graph, Node, Value, Weight
from converter.padding import Padding
from converter.passes import normalise
from tests import emitted
from tests.onnx_reader.models import assert_same_answer, model, node, random, read_normalised, run


def _operators(graph: Graph) -> list[str]:
    return [entry.op_type for entry in graph.nodes]


class TestShapes:
    def test_symbols_stay_and_what_nothing_tells_gets_one(self, tmp_path):
        nodes = [node("Relu", ["x"], ["a"]), node("NonZero", ["a"], ["y"])]
        graph = read_normalised(model(nodes, {"x": ["batch", None, 4]}, ["a", "y"]), tmp_path)
        assert graph.outputs[0].shape == ("batch", "?1", 4)
        assert graph.outputs[1].shape == (3, "?2")
        assert graph.outputs[1].dtype == np.int64

    def test_big_weights_take_part_by_shape_alone(self):
        graph = Graph("huge")
        x = Value("x", np.float32, (1, 10**6))
        graph.inputs = [x]
        weight = Weight("w", (10**6, 10**6), np.float32, lambda: pytest.fail("the weight was read"))
        graph.outputs = [graph.add("MatMul", [x, Value.of_weight(weight)], name="y")]
        normalise(graph)
        assert graph.outputs[0].shape == ("batch", 10**6)

    @pytest.mark.parametrize(
        ("nodes", "words"),
        [
            ([node("Add", ["x", "i"], ["y"])], ["'Add_y'", "type", "'i' (int64 [2])"]),
            ([node("MatMul", ["x", "m"], ["y"])], ["'MatMul_y'", "'m' (float32 [3, 2])"]),
            ([node("Concat", ["x", "m"], ["y"], axis=0)], ["'Concat_y'"]),
        ],
    )
    def test_contradictions_name_the_node(self, nodes, words, tmp_path):
        proto = model(nodes, {"x": [2], "i": (np.int64, [2]), "m": [3, 2]}, ["y"])
        with pytest.raises(ReadError) as caught:
            read_normalised(proto, tmp_path)
        for word in words:
            assert word in str(caught.value)


class TestTransposes:
    def test_two_become_one(self, tmp_path):
        nodes = [
            node("Transpose", ["x"], ["a"], perm=[1, 2, 0]),
            node("Relu", ["a"], ["z"]),
            node("Transpose", ["a"], ["y"], perm=[0, 2, 1]),
        ]
        proto = model(nodes, {"x": [2, 3, 4]}, ["y", "z"])
        graph = read_normalised(proto, tmp_path)
        assert [entry["perm"] for entry in graph.nodes if entry.op_type == "Transpose"] == [(1, 2, 0), (1, 0, 2)]
        assert_same_answer(graph, proto, {"x": random(2, 3, 4)})

    def test_there_and_back_is_nothing(self, tmp_path):
        nodes = [node("Transpose", ["x"], ["a"], perm=[1, 2, 0]), node("Transpose", ["a"], ["b"], perm=[2, 0, 1])]
        graph = read_normalised(model([*nodes, node("Relu", ["b"], ["y"])], {"x": [2, 3, 4]}, ["y"]), tmp_path)
        assert _operators(graph) == ["Relu"]


class TestConstants:
    def test_shape_arithmetic_disappears(self, tmp_path):
        nodes = [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["n"]),
            node("Unsqueeze", ["n", "axes"], ["n1"]),
            node("Concat", ["n1", "rest"], ["t"], axis=0),
            node("Reshape", ["x", "t"], ["y"]),
        ]
        weights = {"zero": np.array(1), "axes": np.array([0]), "rest": np.array([-1])}
        proto = model(nodes, {"x": [2, 6, 4]}, ["y"], weights)
        graph = read_normalised(proto, tmp_path)
        assert _operators(graph) == ["Reshape"]
        assert graph.nodes[0].inputs[1].array.tolist() == [6, -1]
        assert_same_answer(graph, proto, {"x": random(2, 6, 4)})

    def test_shape_of_an_unknown_size_stays(self, tmp_path):
        proto = model([node("Shape", ["x"], ["y"])], {"x": ["n", 6]}, ["y"])
        assert _operators(read_normalised(proto, tmp_path)) == ["Shape"]

    def test_part_of_a_shape_that_is_known(self, tmp_path):
        proto = model([node("Shape", ["x"], ["y"], start=1)], {"x": ["n", 6, 7]}, ["y"])
        graph = read_normalised(proto, tmp_path)
        assert _operators(graph) == []
        assert_same_answer(graph, proto, {"x": random(2, 6, 7)})

    def test_results_keep_name_and_trainability(self, tmp_path):
        nodes = [
            node("Transpose", ["w"], ["wt"]),
            node("ConstantOfShape", ["size"], ["c"]),
            node("Mul", ["fixed", "fixed"], ["f"]),
            node("MatMul", ["x", "wt"], ["a"]),
            node("Add", ["a", "c"], ["b"]),
            node("Sub", ["b", "f"], ["y"]),
            onnx.helper.make_node("Constant", [], ["fixed"], value_floats=[1.0, 2.0, 3.0]),
        ]
        proto = model(nodes, {"x": ["n", 4, 4]}, ["y"], {"w": random(3, 4), "size": np.array([3])})
        graph = read_normalised(proto, tmp_path)
        assert {value.name: value.weight.trainable for value in graph.weights()} == {"wt": True, "c": True, "f": False}
        assert_same_answer(graph, proto, {"x": random(2, 4, 4)})

    def test_random_numbers_are_not_constants(self, tmp_path):
        nodes = [node("RandomNormal", [], ["r"], shape=[3]), node("Add", ["x", "r"], ["y"])]
        assert _operators(read_normalised(model(nodes, {"x": [3]}, ["y"]), tmp_path)) == ["RandomNormal", "Add"]

    @pytest.mark.parametrize(
        "bomb",
        [
            node("ConstantOfShape", ["size"], ["c"]),
            node("Expand", ["one", "size"], ["c"]),
            node("Tile", ["one", "size"], ["c"]),
        ],
    )
    def test_small_files_cannot_take_all_memory(self, bomb, tmp_path):
        weights = {"size": np.array([100_000, 100_000]), "one": np.ones((1, 1), np.float32)}
        proto = model([bomb, node("Add", ["x", "c"], ["y"])], {"x": [1]}, ["y"], weights)
        with pytest.raises(UnsupportedError, match=r"_c'.*37\.3 GiB"):
            read_normalised(proto, tmp_path)

    def test_size_that_is_itself_computed(self, tmp_path):
        nodes = [
            node("Mul", ["size", "size"], ["larger"]),
            node("Expand", ["one", "larger"], ["c"]),
            node("Add", ["x", "c"], ["y"]),
        ]
        weights = {"size": np.array([1000, 1000]), "one": np.ones((1, 1), np.float32)}
        with pytest.raises(UnsupportedError, match="GiB"):
            read_normalised(model(nodes, {"x": [1]}, ["y"], weights), tmp_path)

    def test_constant_that_cannot_be_computed(self, tmp_path):
        nodes = [node("Gather", ["w", "index"], ["c"]), node("Add", ["x", "c"], ["y"])]
        proto = model(nodes, {"x": [1]}, ["y"], {"w": random(3), "index": np.array([7])})
        with pytest.raises(ReadError, match="constant part"):
            read_normalised(proto, tmp_path)


class TestBatch:
    NODES = (
        node("Conv", ["x", "w"], ["a"]),
        node("Reshape", ["a", "groups"], ["b"]),
        node("Transpose", ["b"], ["c"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["c", "flat"], ["d"]),
        node("Gemm", ["d", "g"], ["y"]),
    )

    def _proto(self, batch=1):
        weights = {
            "w": random(4, 2, 3, 3),
            "g": random(64, 5),
            "groups": np.array([batch, 2, 2, 4, 4]),
            "flat": np.array([batch, 64]),
        }
        return model(self.NODES, {"x": [batch, 2, 6, 6]}, ["y"], weights)

    def test_is_freed(self, tmp_path):
        graph = read_normalised(self._proto(), tmp_path)
        assert graph.inputs[0].shape == ("batch", 2, 6, 6)
        assert graph.outputs[0].shape == ("batch", 5)
        assert _operators(graph) == ["Conv", "Reshape", "Transpose", "Flatten", "Gemm"]
        x = random(3, 2, 6, 6)
        for index, row in enumerate(run(to_model(graph), {"x": x})[0]):
            np.testing.assert_allclose(row, run(self._proto(), {"x": x[index : index + 1]})[0][0], rtol=1e-5, atol=1e-5)

    def test_of_another_size_is_left(self, tmp_path):
        graph = read_normalised(self._proto(2), tmp_path)
        assert graph.inputs[0].shape == (2, 2, 6, 6)

    @pytest.mark.parametrize(
        ("nodes", "shape", "weights"),
        [
            ([node("Reshape", ["x", "t"], ["y"])], [1, 4, 2], {"t": np.array([4, 2])}),
            ([node("ReduceMean", ["x"], ["m"], axes=[0]), node("Add", ["x", "m"], ["y"])], [1, 4], {}),
            ([node("Softmax", ["x"], ["y"], axis=0)], [1, 4], {}),
            ([node("Concat", ["x", "w"], ["y"], axis=1)], [1, 4], {"w": random(1, 2)}),
            ([node("Concat", ["x", "w"], ["y"], axis=0)], [1, 4], {"w": random(1, 4)}),
            ([node("Squeeze", ["x"], ["a"]), node("Unsqueeze", ["a"], ["y"], axes=[0])], [1, 4], {}),
            (
                [node("LSTM", ["x", "w", "r", "", "", "h", "h"], ["y"], hidden_size=1)],
                [1, 1, 3],
                {"w": random(1, 4, 3), "r": random(1, 4, 1), "h": random(1, 1, 1)},
            ),
            (
                [node("Add", ["c", "d"], ["y"]), node("Identity", ["x"], ["z"]), node("RandomNormal", [], ["c"], shape=[1, 4])],
                [1, 4],
                {"d": random(4)},
            ),
        ],
    )
    def test_mixed_with_other_axes_stays(self, nodes, shape, weights, tmp_path):
        outputs = sorted({name for entry in nodes for name in entry.output} & {"y", "z"})
        proto = model(nodes, {"x": shape}, outputs, weights, opset=12)
        graph = read_normalised(proto, tmp_path)
        assert graph.inputs[0].shape == tuple(shape)
        assert any("batch size is fixed" in note for note in graph.notes)
        if "RandomNormal" not in _operators(graph):
            assert_same_answer(graph, proto, {"x": random(*shape)})


class TestIdentity:
    def test_is_removed(self, tmp_path):
        nodes = [
            node("Identity", ["x"], ["a"]),
            node("Cast", ["a"], ["b"], to=1),
            node("Transpose", ["b"], ["c"], perm=[0, 1]),
            node("Identity", ["w"], ["v"]),
            node("Mul", ["c", "v"], ["d"]),
            node("Identity", ["d"], ["y"]),
        ]
        proto = model(nodes, {"x": ["n", 3]}, ["y"], {"w": random(3)})
        graph = read_normalised(proto, tmp_path)
        assert _operators(graph) == ["Mul"]
        assert [value.name for value in graph.outputs] == ["y"]
        assert graph.nodes[0].inputs[1].name == "w"
        assert_same_answer(graph, proto, {"x": random(2, 3)})

    def test_outputs_keep_their_names(self, tmp_path):
        nodes = [
            node("Identity", ["x"], ["same"]),
            node("Relu", ["x"], ["y"]),
            node("Identity", ["y"], ["z"]),
            node("Identity", ["w"], ["constant"]),
        ]
        proto = model(nodes, {"x": ["n", 3]}, ["same", "y", "z", "constant"], {"w": random(3)})
        graph = read_normalised(proto, tmp_path)
        assert [value.name for value in graph.outputs] == ["same", "y", "z", "constant"]
        assert_same_answer(graph, proto, {"x": random(2, 3)})

    def test_dropout_stays(self, tmp_path):
        proto = model([node("Dropout", ["x", "r"], ["y", "m"])], {"x": [3]}, ["y"], {"r": np.float32(0.4)})
        graph = read_normalised(proto, tmp_path)
        assert _operators(graph) == ["Dropout"]
        assert len(graph.nodes[0].outputs) == 1


class TestFlatten:
    @pytest.mark.parametrize(
        ("shape", "target", "expected"),
        [
            (["n", 2, 3], [0, -1], "Flatten"),
            (["n", 2, 3], [-1, 6], "Flatten"),
            (["n", 2, 3], [0, 6], "Flatten"),
            ([5, 2, 3], [5, -1], "Flatten"),
            ([1, 2, 3], [1, 6], "Flatten"),
            (["n", "m", 3], [0, -1], "Flatten"),
            (["n", "m", 3], [-1, 6], "Reshape"),
            (["n", 2, 3], [-1, 3], "Reshape"),
            (["n", 2, 3], [0, 2, 3], "Identity"),
            ([6, 2, 3], [2, 18], "Reshape"),
        ],
    )
    def test_spellings(self, shape, target, expected, tmp_path):
        proto = model([node("Reshape", ["x", "t"], ["y"])], {"x": shape}, ["y"], {"t": np.array(target)})
        graph = read_normalised(proto, tmp_path)
        assert _operators(graph) == [expected]
        known = [{"n": 4, "m": 2}.get(size, size) for size in shape]
        assert_same_answer(graph, proto, {"x": random(*known)})


class TestLinear:
    @pytest.mark.parametrize("swapped", [False, True])
    @pytest.mark.parametrize(
        ("shape", "bias", "expected"),
        [
            (["n", 3], (4,), ["Gemm"]),
            (["n", 3], (1, 4), ["MatMul", "Add"]),
            (["n", 3], (1,), ["MatMul", "Add"]),
            (["n", 5, 3], (4,), ["Linear"]),
        ],
    )
    def test_rank_and_bias_decide(self, shape, bias, expected, swapped, tmp_path):
        order = ["b", "a"] if swapped else ["a", "b"]
        nodes = [node("MatMul", ["x", "w"], ["a"]), node("Add", order, ["y"])]
        proto = model(nodes, {"x": shape}, ["y"], {"w": random(3, 4), "b": random(*bias)})
        graph = read_normalised(proto, tmp_path)
        assert _operators(graph) == expected
        assert_same_answer(graph, proto, {"x": random(*[2 if size == "n" else size for size in shape])})

    def test_product_that_is_read_twice(self, tmp_path):
        nodes = [node("MatMul", ["x", "w"], ["a"]), node("Add", ["a", "b"], ["y"])]
        proto = model(nodes, {"x": ["n", 3]}, ["y", "a"], {"w": random(3, 4), "b": random(4)})
        assert _operators(read_normalised(proto, tmp_path)) == ["MatMul", "Add"]


class TestOwnOperators:
    def test_a_file_holds_only_the_standard_ones(self, tmp_path):
        nodes = [node("Gather", ["table", "i"], ["a"]), node("MatMul", ["a", "w"], ["b"]), node("Add", ["b", "c"], ["y"])]
        weights = {"table": random(5, 3), "w": random(3, 4), "c": random(4)}
        proto = model(nodes, {"i": (np.int64, ["n", 7])}, ["y"], weights)
        graph = read_normalised(proto, tmp_path)
        assert _operators(graph) == ["Embedding", "Linear"]
        save_model(graph, tmp_path / "written.onnx")
        written = onnx.load(tmp_path / "written.onnx")
        assert not written.functions
        assert {entry.domain for entry in written.opset_import} == {""}
        feeds = {"i": np.array([[0, 4, 2, 1, 1, 3, 0]])}
        np.testing.assert_allclose(run(written, feeds)[0], run(proto, feeds)[0], rtol=1e-6)


class TestMergedPadding:
    def _read(self, folder, consumer, pads, value=None, mode="constant"):
        weights = {"p": np.array(pads), "w": random(2, 2, 3, 3)}
        inputs = ["x", "p"]
        if value is not None:
            weights["v"] = np.float32(value)
            inputs.append("v")
        proto = model([node("Pad", inputs, ["a"], mode=mode), consumer], {"x": ["n", 2, 7, 7]}, ["y"], weights)
        graph = read_normalised(proto, folder)
        assert_same_answer(graph, proto, {"x": random(2, 2, 7, 7) - 1})
        return graph

    CONV = node("Conv", ["a", "w"], ["y"], pads=[0, 0, 1, 1])
    MAX = node("MaxPool", ["a"], ["y"], kernel_shape=[4, 4], pads=[0, 1, 0, 1])
    AVERAGE = node("AveragePool", ["a"], ["y"], kernel_shape=[4, 4], count_include_pad=1)
    EXCLUDING = node("AveragePool", ["a"], ["y"], kernel_shape=[4, 4])
    CEIL = node("AveragePool", ["a"], ["y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, count_include_pad=1)
    SMALL = node("AveragePool", ["a"], ["y"], kernel_shape=[2, 2], count_include_pad=1)
    SPATIAL = (0, 0, 1, 2, 0, 0, 0, 1)

    @pytest.mark.parametrize(
        ("consumer", "value", "expected"),
        [
            (CONV, None, Padding((1, 2), (1, 2))),
            (CONV, 0, Padding((1, 2), (1, 2))),
            (AVERAGE, 0, Padding((1, 2), (0, 1))),
            (MAX, -np.inf, Padding((1, 3), (0, 2))),
        ],
    )
    def test_merges(self, consumer, value, expected, tmp_path):
        graph = self._read(tmp_path, consumer, self.SPATIAL, value)
        assert len(graph.nodes) == 1
        assert graph.nodes[0]["pads"] == expected

    @pytest.mark.parametrize(
        ("consumer", "pads", "value", "mode"),
        [
            (CONV, SPATIAL, 1.0, "constant"),
            (CONV, SPATIAL, None, "reflect"),
            (CONV, (1, 0, 1, 1, 0, 0, 1, 1), 0, "constant"),
            (CONV, (0, 0, -1, 1, 0, 0, 1, 1), 0, "constant"),
            (MAX, SPATIAL, 0, "constant"),
            (EXCLUDING, SPATIAL, 0, "constant"),
            (CEIL, SPATIAL, 0, "constant"),
            (SMALL, SPATIAL, 0, "constant"),
        ],
    )
    def test_leaves(self, consumer, pads, value, mode, tmp_path):
        assert len(self._read(tmp_path, consumer, pads, value, mode).nodes) == 2


def test_unused_nodes_and_outputs_go(tmp_path):
    nodes = [node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["a"]), node("Exp", ["a"], ["b"])]
    assert _operators(read_normalised(model(nodes, {"x": [2]}, ["y"]), tmp_path)) == ["Relu"]


def test_ways_through_a_real_topology(tmp_path):
    """A quick look at one of the nine; ``test_topologies`` runs them all."""
    from tests.topologies import seeded

    graph = read_normalised(seeded("squeezenet", 0), tmp_path)
    assert Counter(_operators(graph)) == {
        "Conv": 26,
        "Relu": 26,
        "Concat": 8,
        "MaxPool": 3,
        "Dropout": 1,
        "GlobalAveragePool": 1,
        "Softmax": 1,
    }


def test_a_part_of_a_split_counts_though_nobody_reads_it():
    data, sizes = Value("x", np.float32, (5,)), Value.constant(np.array([3, 2]), "sizes")
    split = Node("Split", [data, sizes], [Value("left"), Value("right")], {"axis": 0})
    graph = Graph("g", inputs=[data], outputs=[split.outputs[0]], nodes=[split])
    normalise(graph)
    assert [value.shape for value in graph.nodes[0].outputs] == [(3,), (2,)]


def test_a_group_normalization_gives_what_it_gets():
    """The inference of the standard leaves its shape open."""
    graph = emitted.read(
        onnx.parser.parse_model(
            """<ir_version: 10, opset_import: ["": 21]> net (float[n, 4, h, w] x) => (float[n, 4, a, b] y)
            <float[4] one = {1, 1, 1, 1}, float[4] zero = {0, 0, 0, 0}> {
            normal = GroupNormalization <num_groups = 2> (x, one, zero)  y = GlobalAveragePool (normal)
            }"""
        )
    )
    assert graph.nodes[0].output.shape == ("n", 4, "h", "w")
