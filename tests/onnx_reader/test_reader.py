"""What the reader makes of the many ways in which real files are written."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pytest

from converter.emitters.onnx import save_model, to_model
from converter.graph import Graph, Value, Weight
from converter.padding import Padding
from converter.passes import normalise
from converter.readers import onnx as reader
from converter.readers import read as read_any
from tests.onnx_reader.models import assert_same_answer, model, node, random, read, run


def _conv(**attributes) -> onnx.ModelProto:
    return model(
        [node("Conv", ["x", "w", "b"], ["y"], **attributes)],
        {"x": ["N", 3, 8, 8]},
        ["y"],
        {"w": random(4, 3, 3, 3), "b": random(4)},
    )


def test_source_and_names(tmp_path):
    proto = _conv()
    proto.producer_name, proto.producer_version = "exporter", "2.1"
    graph = read(proto, tmp_path)
    path = tmp_path / "model.onnx"
    assert graph.source.kind == "ONNX"
    assert graph.source.producer == "exporter 2.1"
    assert graph.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert graph.source.model == str(path)
    assert [(value.name, value.dtype, value.shape) for value in graph.inputs] == [("x", np.float32, ("N", 3, 8, 8))]
    assert [value.name for value in graph.outputs] == ["y"]
    assert graph.nodes[0].name == "Conv_y"
    assert "'Conv_y' (Conv)" in graph.nodes[0].origin


def test_padding_is_per_side_and_attributes_are_complete(tmp_path):
    conv = read(_conv(pads=[1, 2, 3, 4]), tmp_path).nodes[0]
    assert conv["pads"] == Padding((1, 2), (3, 4))
    assert conv["group"] == 1
    assert conv["auto_pad"] == "NOTSET"


def test_floats_are_the_shortest_that_are_equal(tmp_path):
    proto = model([node("LeakyRelu", ["x"], ["y"], alpha=0.1)], {"x": [2]}, ["y"])
    assert read(proto, tmp_path).nodes[0]["alpha"] == 0.1


def test_what_counts_as_trainable(tmp_path):
    proto = model(
        [node("Mul", ["x", "vector"], ["a"]), node("Mul", ["a", "scalar"], ["b"]), node("Reshape", ["b", "shape"], ["y"])],
        {"x": [2, 3]},
        ["y"],
        {"vector": random(3), "scalar": np.float32(2), "shape": np.array([3, 2])},
    )
    weights = {value.name: value.weight.trainable for value in read(proto, tmp_path).weights()}
    assert weights == {"vector": True, "scalar": False, "shape": False}


def test_initializers_listed_as_inputs_are_weights(tmp_path):
    proto = _conv()
    for tensor in proto.graph.initializer:
        proto.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    assert [value.name for value in read(proto, tmp_path).inputs] == ["x"]


def test_default_domain_twice(tmp_path):
    proto = _conv()
    proto.opset_import.append(onnx.helper.make_opsetid("ai.onnx", 21))
    assert_same_answer(read(proto, tmp_path), _conv(), {"x": random(2, 3, 8, 8)})


def test_nodes_in_any_order(tmp_path):
    nodes = [node("Relu", ["a"], ["b"]), node("Neg", ["b"], ["y"]), node("Exp", ["x"], ["a"])]
    proto = model(nodes, {"x": [2]}, ["y"])
    graph = read(proto, tmp_path)
    graph.check()
    assert [entry.op_type for entry in graph.nodes] == ["Exp", "Relu", "Neg"]


@pytest.mark.parametrize("written", [-1, "", "?", "None"])
def test_ways_to_write_an_unknown_size(written, tmp_path):
    proto = model([node("Relu", ["x"], ["y"])], {"x": ["n", 4]}, ["y"])
    size = proto.graph.input[0].type.tensor_type.shape.dim[0]
    if isinstance(written, int):
        size.dim_value = written
    else:
        size.dim_param = written
    assert read(proto, tmp_path).inputs[0].shape == (None, 4)


def test_nodes_without_names_are_named_by_place(tmp_path):
    proto = _conv()
    proto.graph.node[0].name = ""
    assert read(proto, tmp_path).nodes[0].origin == "node 0 (Conv, output 'y')"


def test_names_given_twice_to_nodes(tmp_path):
    nodes = [node("Relu", ["x"], ["a"]), node("Neg", ["a"], ["y"])]
    for entry in nodes:
        entry.name = "same"
    proto = model(nodes, {"x": [2]}, ["y"])
    result = run(to_model(read(proto, tmp_path)), {"x": np.array([1, -1], np.float32)})[0]
    assert result.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"value": onnx.numpy_helper.from_array(np.array([1, 2]))}, np.array([1, 2])),
        ({"value_float": 1.5}, np.float32(1.5)),
        ({"value_floats": [0.1, 2.0]}, np.array([0.1, 2], np.float32)),
        ({"value_int": 3}, np.int64(3)),
        ({"value_ints": [3, 4]}, np.array([3, 4])),
        ({"value_string": "a"}, np.array("a", object)),
        ({"value_strings": ["a", "b"]}, np.array(["a", "b"], object)),
    ],
)
def test_forms_of_a_constant(attributes, expected, tmp_path):
    proto = model(
        [onnx.helper.make_node("Constant", [], ["c"], **attributes), node("Relu", ["x"], ["y"])], {"x": [2]}, ["y", "c"]
    )
    value = read(proto, tmp_path).outputs[1]
    assert not value.weight.trainable
    assert value.dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(value.array, expected)


@pytest.mark.parametrize(
    "data_type",
    [
        "FLOAT",
        "DOUBLE",
        "FLOAT16",
        "BFLOAT16",
        "INT8",
        "UINT8",
        "INT32",
        "INT64",
        "BOOL",
        "INT4",
        "UINT4",
        "COMPLEX64",
        "FLOAT8E4M3FN",
    ],
)
@pytest.mark.parametrize("raw", [True, False])
def test_tensors_of_every_kind(data_type, raw, tmp_path):
    kind = getattr(onnx.TensorProto, data_type)
    array = np.array([1, 0, 3]).astype(onnx.helper.tensor_dtype_to_np_dtype(kind))
    if raw:
        tensor = onnx.numpy_helper.from_array(array, "w")
    else:
        tensor = onnx.helper.make_tensor("w", kind, [3], array.tolist() if array.dtype.kind in "fiubc" else array)
    assert tensor.HasField("raw_data") == raw
    proto = model([node("Relu", ["x"], ["y"])], {"x": [2]}, ["y", "w"])
    proto.graph.initializer.append(tensor)
    value = read(proto, tmp_path).outputs[1]
    np.testing.assert_array_equal(value.array.astype(complex), array.astype(complex))
    assert value.dtype == array.dtype


def test_unknown_operators_stay_nodes(tmp_path):
    proto = model(
        [
            onnx.helper.make_node("Mystery", ["x"], ["a"], domain="example.com", alpha=1.5, kinds=["p", "q"]),
            node("Unheard", ["a"], ["y"]),
        ],
        {"x": [2]},
        ["y"],
        domains={"example.com": 1},
    )
    graph = read(proto, tmp_path)
    assert [(entry.domain, entry.op_type) for entry in graph.nodes] == [("example.com", "Mystery"), ("", "Unheard")]
    assert graph.nodes[0].attributes == {"alpha": 1.5, "kinds": ("p", "q")}


def test_functions_of_the_model_are_put_in_place(tmp_path):
    function = onnx.helper.make_function(
        "example.com",
        "Twice",
        ["a"],
        ["b"],
        [onnx.helper.make_node("Add", ["a", "a"], ["b"])],
        [onnx.helper.make_opsetid("", 21)],
    )
    proto = model(
        [onnx.helper.make_node("Twice", ["x"], ["y"], domain="example.com")], {"x": [2]}, ["y"], domains={"example.com": 1}
    )
    proto.functions.append(function)
    graph = read(proto, tmp_path)
    assert [entry.op_type for entry in graph.nodes] == ["Add"]
    assert_same_answer(graph, proto, {"x": random(2)})


def test_branches_capture_outer_values(tmp_path):
    def branch(op_type: str, output: str) -> onnx.GraphProto:
        return onnx.helper.make_graph(
            [onnx.helper.make_node(op_type, ["a", "w"], [output])],
            op_type,
            [],
            [onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, [2])],
        )

    proto = model(
        [
            node("Relu", ["x"], ["a"]),
            node("If", ["c"], ["y"], then_branch=branch("Add", "t"), else_branch=branch("Sub", "e")),
        ],
        {"x": [2], "c": (np.bool_, [])},
        ["y"],
        {"w": random(2)},
    )
    shuffled = onnx.ModelProto()
    shuffled.CopyFrom(proto)
    shuffled.graph.node.reverse()  # what a branch captures orders the nodes as well
    graph = read(shuffled, tmp_path)
    graph.check()
    inner = graph.nodes[1]["then_branch"].nodes[0]
    assert inner.inputs[0] is graph.nodes[0].output
    for condition in (True, False):
        assert_same_answer(graph, proto, {"x": random(2), "c": np.array(condition)})


class TestExternalData:
    def _write(self, folder, location=None, **entries):
        proto = _conv()
        onnx.save_model(proto, folder / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
        proto = onnx.load(folder / "model.onnx", load_external_data=False)
        for entry in proto.graph.initializer[0].external_data:
            if entry.key == "location" and location is not None:
                entry.value = location
            elif entry.key in entries:
                entry.value = entries[entry.key]
        (folder / "model.onnx").write_bytes(proto.SerializeToString())
        return folder / "model.onnx"

    def test_is_mapped_from_the_file(self, tmp_path):
        graph = reader.read(self._write(tmp_path))
        weight = graph.nodes[0].inputs[1].weight
        assert isinstance(weight._load(), np.memmap)
        assert_same_answer(graph, _conv(), {"x": random(1, 3, 8, 8)})

    @pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "a/../../weights.bin", "", "..\\weights.bin"])
    def test_stays_inside_the_folder(self, location, tmp_path):
        folder = tmp_path / "inner"
        folder.mkdir()
        (tmp_path / "weights.bin").write_bytes(bytes(10_000))
        with pytest.raises(reader.ReadError, match=r"initializer 'w'.*outside the folder"):
            reader.read(self._write(folder, location))

    def test_link_that_leaves_the_folder(self, tmp_path):
        folder = tmp_path / "inner"
        folder.mkdir()
        (tmp_path / "secret.bin").write_bytes(bytes(10_000))
        (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
        with pytest.raises(reader.ReadError, match="outside the folder"):
            reader.read(self._write(folder, "link.bin"))

    def test_missing_file_is_named(self, tmp_path):
        path = self._write(tmp_path)
        (tmp_path / "weights.bin").unlink()
        with pytest.raises(reader.ReadError, match=r"initializer 'w'.*'weights.bin'.*no such file"):
            reader.read(path)

    @pytest.mark.parametrize("entries", [{"length": "99999999"}, {"offset": "-4"}, {"offset": "100000"}, {"length": "many"}])
    def test_sizes_are_checked(self, entries, tmp_path):
        with pytest.raises(reader.ReadError, match="initializer 'w'"):
            reader.read(self._write(tmp_path, **entries))


def test_large_models_are_written_beside_their_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("converter.emitters.onnx._PROTOBUF_LIMIT", 2**24 + 100)
    proto = model([node("Gemm", ["x", "w"], ["y"])], {"x": [1, 30]}, ["y"], {"w": random(30, 20)})
    save_model(read(proto, tmp_path), tmp_path / "large.onnx")
    assert (tmp_path / "large.onnx.data").stat().st_size == 30 * 20 * 4
    assert_same_answer(reader.read(tmp_path / "large.onnx"), proto, {"x": random(1, 30)})


def test_weights_without_numbers(tmp_path):
    graph = Graph("described")
    x, weight = Value("x", np.float32, (2, 3)), Weight("w", (3, 4), np.float32)
    graph.inputs = [x]
    graph.outputs = [graph.add("MatMul", [x, Value.of_weight(weight)], name="y")]
    with pytest.raises(ValueError, match="'w' has no data"):
        to_model(graph)
    assert [info.name for info in to_model(graph, weights=False).graph.input] == ["x", "w"]
    numbers, data = random(3, 4), random(2, 3)
    for fill in ({weight: numbers}, lambda _: numbers):
        np.testing.assert_allclose(run(to_model(graph, fill=fill), {"x": data})[0], data @ numbers, rtol=1e-5)


def test_equal_names_of_values_are_told_apart():
    graph = Graph("names")
    x = Value("x", np.float32, (2,))
    graph.inputs = [x]
    first = graph.add("Relu", [x], name="x")
    second = graph.add("Neg", [first], name="")
    graph.outputs = [graph.add("Exp", [second], name="y")]
    assert run(to_model(graph), {"x": np.array([-1, 1], np.float32)})[0].tolist() == pytest.approx([1, np.exp(-1)])


class TestBadInput:
    def _refused(self, path, *words) -> str:
        with pytest.raises(reader.ConversionError) as caught:
            read_any(path)
        message = str(caught.value)
        assert path.name in message
        for word in words:
            assert word in message
        return message

    def test_contents_that_are_no_model(self, tmp_path):
        path = tmp_path / "model.onnx"
        for content, word in (
            (b"", "empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n", "git lfs pull"),
            (b"\n<!DOCTYPE html><html></html>", "HTML page"),
            (b"PK\x03\x04rest", "zip archive"),
            (b"\x80\x02}q\x00.", "pickle"),
            (b"some text that is no model", "no ONNX model"),
            (bytes(range(256)), "no ONNX model"),
            (b"\x08\x07", "no graph"),
        ):
            path.write_bytes(content)
            self._refused(path, word)

    def test_places_without_a_file(self, tmp_path):
        self._refused(tmp_path / "absent.onnx", "no such file")
        self._refused(tmp_path, "folder")

    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.98, 0.99])
    def test_cut_off_file(self, kept, tmp_path):
        data = _conv().SerializeToString()
        path = tmp_path / "model.onnx"
        path.write_bytes(data[: int(len(data) * kept)])
        self._refused(path, "cut", "Download")

    def test_every_prefix_and_flipped_byte_gives_an_answer_or_a_clear_error(self, tmp_path):
        data, path, rng = _conv().SerializeToString(), tmp_path / "model.onnx", np.random.default_rng(0)
        changed = [data[:size] for size in range(1, len(data), 7)]
        for _ in range(300):
            noisy = bytearray(data)
            for position in rng.integers(0, len(data), 2):
                noisy[position] = rng.integers(256)
            changed.append(bytes(noisy))
        for content in changed:
            path.write_bytes(content)
            try:
                graph = reader.read(path)
                graph.check()
                normalise(graph)
            except reader.ConversionError as error:
                assert str(path) in str(error)

    def _model_refused(self, proto, folder, *words):
        path = folder / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        self._refused(path, *words)

    def test_undefined_name(self, tmp_path):
        proto = model([node("Relu", ["nowhere"], ["y"])], {"x": [2]}, ["y"])
        self._model_refused(proto, tmp_path, "'Relu_y'", "'nowhere'")

    def test_output_that_nothing_produces(self, tmp_path):
        self._model_refused(model([node("Relu", ["x"], ["y"])], {"x": [2]}, ["z"]), tmp_path, "output 'z'")

    def test_name_produced_twice(self, tmp_path):
        nodes = [node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["y"])]
        self._model_refused(model(nodes, {"x": [2]}, ["y"]), tmp_path, "'y' is produced a second time", "Neg")

    def test_split_with_another_number_of_outputs_than_it_says(self, tmp_path):
        """Which ends the process in onnx.shape_inference."""
        split = node("Split", ["x"], ["a", "b"], num_outputs=1)
        self._model_refused(model([split], {"x": [2]}, ["a"]), tmp_path, "says num_outputs=1, and has 2 outputs")

    def test_cycle(self, tmp_path):
        nodes = [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])]
        self._model_refused(model(nodes, {"x": [2]}, ["b"]), tmp_path, "(Relu) is on a cycle")

    def test_attribute_of_another_type(self, tmp_path):
        proto = model([node("LeakyRelu", ["x"], ["y"], alpha=1)], {"x": [2]}, ["y"])
        self._model_refused(proto, tmp_path, "LeakyRelu_y", "'alpha' is of type INT", "FLOAT is expected")

    def test_input_left_out(self, tmp_path):
        proto = model([node("Add", ["x", ""], ["y"])], {"x": [2]}, ["y"])
        self._model_refused(proto, tmp_path, "Add_y", "leaves out 'B'")

    def test_operator_newer_than_the_file(self, tmp_path):
        proto = model([node("Gelu", ["x"], ["y"])], {"x": [2]}, ["y"], opset=12)
        self._model_refused(proto, tmp_path, "Gelu_y", "exists from opset 20 on")

    def test_file_without_opset(self, tmp_path):
        proto = _conv()
        del proto.opset_import[:]
        self._model_refused(proto, tmp_path, "opset")

    def test_missing_attribute(self, tmp_path):
        self._model_refused(model([node("Concat", ["x"], ["y"])], {"x": [2]}, ["y"]), tmp_path, "Concat_y", "lacks", "axis")

    def test_unknown_attribute(self, tmp_path):
        self._model_refused(model([node("Relu", ["x"], ["y"], slope=1.0)], {"x": [2]}, ["y"]), tmp_path, "Relu_y", "slope")

    def test_number_of_inputs(self, tmp_path):
        self._model_refused(model([node("Add", ["x"], ["y"])], {"x": [2]}, ["y"]), tmp_path, "Add_y", "1 inputs", "takes 2")

    def test_weight_whose_size_contradicts_its_shape(self, tmp_path):
        proto = _conv()
        proto.graph.initializer[0].dims[0] = 400_000_000
        self._model_refused(proto, tmp_path, "initializer 'w'", "432 bytes")

    def test_sparse_initializer(self, tmp_path):
        proto = _conv()
        proto.graph.sparse_initializer.add().values.name = "s"
        self._model_refused(proto, tmp_path, "'s'", "sparse")

    def test_sparse_tensor_as_input(self, tmp_path):
        proto = model([node("Relu", ["x"], ["y"])], {"x": [2]}, ["y"])
        proto.graph.input.append(onnx.helper.make_sparse_tensor_value_info("s", onnx.TensorProto.FLOAT, [3]))
        self._model_refused(proto, tmp_path, "input 's'", "sparse")

    def test_functions_that_call_each_other(self, tmp_path):
        proto = model([onnx.helper.make_node("F", ["x"], ["y"], domain="d")], {"x": [2]}, ["y"], domains={"d": 1})
        for name, called in (("F", "G"), ("G", "F")):
            body = [onnx.helper.make_node(called, ["a"], ["b"], domain="d")]
            imports = [onnx.helper.make_opsetid("d", 1)]
            proto.functions.append(onnx.helper.make_function("d", name, ["a"], ["b"], body, imports))
        self._model_refused(proto, tmp_path, "calls itself")

    def test_functions_that_grow_without_bound(self, tmp_path):
        proto = model([onnx.helper.make_node("F0", ["x"], ["y"], domain="d")], {"x": [2]}, ["y"], domains={"d": 1})
        for level in range(40):
            body = [
                onnx.helper.make_node(f"F{level + 1}", ["a"], ["m"], domain="d"),
                onnx.helper.make_node(f"F{level + 1}", ["m"], ["b"], domain="d"),
            ]
            imports = [onnx.helper.make_opsetid("d", 1)]
            proto.functions.append(onnx.helper.make_function("d", f"F{level}", ["a"], ["b"], body, imports))
        self._model_refused(proto, tmp_path, "functions expand")
