"""Files as MATLAB's exporter writes them: read as the layers they were, and equal with onnxruntime.

Forms seen in files of releases 18.2 to 24.2 of the exporter are built here as they stand there; two such files lie beside this
project (``CONVERTER_MATLAB``). What MATLAB's own operators mean is computed with NumPy.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

import converter
from converter.emitters import emit
from converter.emitters.onnx import to_model
from converter.operators import refusals
from tests import emitted
from tests.onnx_reader.models import model, random

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
PRODUCER = "MATLAB Deep Learning Toolbox Converter for ONNX Model Format"
FILES = Path(os.environ.get("CONVERTER_MATLAB", "")) / "files"


def export(nodes, inputs, outputs, weights, *, opset=14, domains=None, listed=False):
    """A model of MATLAB's; ``listed``: its initializers are inputs as well, as up to release 21.2."""
    proto = model(nodes, inputs, outputs, weights, opset=opset, domains=domains)
    proto.producer_name = PRODUCER
    if listed:
        proto.ir_version = 3
        proto.graph.input.extend(
            onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in proto.graph.initializer
        )
    return proto


def named(op_type, layer, inputs, outputs=None, **attributes):
    """The node of a layer, which bears the layer's name."""
    return onnx.helper.make_node(op_type, inputs, outputs or [layer], name=layer, **attributes)


def conv(layer, data, *, kernel, strides=(1, 1), pads=(0, 0, 0, 0)):
    attributes = {"group": 1, "dilations": [1, 1], "kernel_shape": kernel, "pads": pads, "strides": strides}
    return named("Conv", layer, [data, f"{layer}_W", f"{layer}_B"], **attributes)


def weights(layer, *shape, seed=0):
    return {f"{layer}_W": random(*shape, seed=seed), f"{layer}_B": random(shape[0], seed=seed + 1)}


def operators(graph):
    return Counter(each.op_type for each in graph.nodes)


def code_of(proto, target="pytorch"):
    return emit(emitted.read(proto), target).code


# Sizes of 'same' padding, computed when the network runs -------------------------------------------------------------------


def same(layer, data, kernel, strides, *, value=0.0, begin="Floor", end="Ceil"):
    """Nodes and initializers that release 24.2 writes in front of a layer with 'same' padding."""

    def add(op_type, inputs, outputs, **attributes):
        outputs = [outputs] if isinstance(outputs, str) else outputs
        inputs = [name if name == data else f"{layer}_{name}" for name in inputs]
        nodes.append(named(op_type, f"{layer}_{outputs[0]}", inputs, [f"{layer}_{name}" for name in outputs], **attributes))

    nodes: list[onnx.NodeProto] = []
    add("Shape", [data], "InputShapeInt")
    add("Cast", ["InputShapeInt"], "InputShape", to=FLOAT)
    add("Div", ["InputShape", "Stride"], "Div")
    add("Ceil", ["Div"], "Ceil")
    add("Sub", ["Ceil", "One"], "Sub")
    add("Mul", ["Sub", "Stride"], "Mul")
    add("Add", ["Mul", "Filter"], "Add")
    add("Sub", ["Add", "InputShape"], "Sub1")
    add("Relu", ["Sub1"], "ReluInt")
    add("Cast", ["ReluInt"], "Relu", to=FLOAT)
    add("Split", ["Relu", "Split_split"], ["BCPadding", "totalPaddingNeeded1", "totalPaddingNeeded2"], axis=0)
    for total in ("totalPaddingNeeded1", "totalPaddingNeeded2"):
        add("Div", [total, "Two"], f"{total}_Div")
        add("Floor", [f"{total}_Div"], f"{total}_Floor")
        add("Ceil", [f"{total}_Div"], f"{total}_Ceil")
    sides = [f"totalPaddingNeeded{axis}_{side}" for side in (begin, end) for axis in (1, 2)]
    add("Concat", ["Zero", "Zero", *sides[:2], "Zero", "Zero", *sides[2:]], "paddingSize", axis=0)
    add("Cast", ["paddingSize"], "paddingSizeInt", to=INT64)
    add("Pad", [data, "paddingSizeInt", "Pad_value"], "Pad", mode="constant")
    constants = {
        "Stride": np.float32([1, 1, *strides]),
        "Filter": np.float32([1, 1, *kernel]),
        "One": np.float32([1]),
        "Zero": np.float32([0]),
        "Two": np.float32([2]),
        "Split_split": np.int64([2, 1, 1]),
        "Pad_value": np.float32(value),
    }
    return nodes, {f"{layer}_{name}": array for name, array in constants.items()}


def same_network(kernel=(3, 3), strides=(2, 2), sizes=("height", "width"), pool_value=-np.inf, **sides):
    """A convolution and a max pool, both 'same'."""
    before, constants = same("conv_1", "image", kernel, strides, **sides)
    between, more = same("maxpool_1", "conv_1", (3, 3), (2, 2), value=pool_value)
    nodes = [
        *before,
        conv("conv_1", "conv_1_Pad", kernel=kernel, strides=strides),
        *between,
        named("MaxPool", "maxpool_1", ["maxpool_1_Pad"], kernel_shape=[3, 3], pads=[0] * 4, strides=[2, 2]),
    ]
    constants |= more | weights("conv_1", 4, 3, *kernel)
    return export(nodes, {"image": ["BatchSize", 3, *sizes]}, ["maxpool_1"], constants)


IMAGES = [(7, 8), (10, 5), (6, 9), (4, 4)]


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_same_of_an_open_size(target):
    proto = same_network()
    graph = emitted.read(proto)
    assert operators(graph) == {"Conv": 1, "MaxPool": 1}
    assert [each["auto_pad"] for each in graph.nodes] == ["SAME_UPPER"] * 2
    for sizes in IMAGES[: 1 if target == "keras" else 4]:
        emitted.assert_equal(proto, target, {"image": random(2, 3, *sizes)})


@pytest.mark.parametrize("kernel", [(3, 3), (2, 5), (1, 4)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3), (3, 1)])
def test_same_of_any_window(kernel, strides):
    proto = same_network(kernel, strides)
    for sizes in IMAGES:
        emitted.assert_equal(proto, "pytorch", {"image": random(2, 3, *sizes)})
    assert "Pad" not in operators(emitted.read(proto))


def test_same_of_a_fixed_size_is_numbers():
    graph = emitted.read(same_network(sizes=(9, 10)))
    assert operators(graph) == {"Conv": 1, "MaxPool": 1}
    assert [(each["pads"].begin, each["pads"].end) for each in graph.nodes] == [((1, 0), (1, 1)), ((1, 1), (1, 1))]
    emitted.assert_equal(same_network(sizes=(9, 10)), "pytorch", {"image": random(2, 3, 9, 10)})


def test_same_with_stride_1_needs_no_size():
    assert "self.conv_1 = nn.Conv2d(3, 4, 3, padding=1)" in code_of(same_network(strides=(1, 1)))


@pytest.mark.parametrize(
    "proto",
    [same_network(begin="Ceil", end="Floor"), same_network(begin="Floor", end="Floor"), same_network(pool_value=0.0)],
    ids=["the odd one first", "one too few", "a pool among zeros"],
)
def test_what_only_looks_like_same_stays(proto):
    assert operators(emitted.read(proto))["Pad"] == 1
    for sizes in IMAGES:
        emitted.assert_equal(proto, "pytorch", {"image": random(2, 3, *sizes)})


# Fully connected layers ----------------------------------------------------------------------------------------------------


def classifier(*, listed=True, opset=8):
    """What release 20.2 writes for two fully connected layers behind an image with its mean taken away."""
    nodes = [
        named("Sub", "imageinput_Sub", ["imageinput", "imageinput_Mean"]),
        conv("conv_1", "imageinput_Sub", kernel=[3, 3], pads=[1, 1, 1, 1]),
        named("Relu", "relu_1", ["conv_1"]),
        conv("fc_1", "relu_1", kernel=[4, 5]),
        named("Elu", "elu", ["fc_1"], alpha=1.0),
        conv("fc_2", "elu", kernel=[1, 1]),
        named("Flatten", "softmax_Flatten", ["fc_2"], axis=1),
        named("Softmax", "softmax", ["softmax_Flatten"], axis=1),
    ]
    constants = {"imageinput_Mean": random(1, 3, 1, 1)}
    constants |= weights("conv_1", 6, 3, 3, 3) | weights("fc_1", 7, 6, 4, 5, seed=2) | weights("fc_2", 4, 7, 1, 1, seed=4)
    return export(nodes, {"imageinput": [1, 3, 4, 5]}, ["softmax"], constants, opset=opset, listed=listed)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("opset", [7, 8, 12, 14])
def test_fully_connected_layers(target, opset):
    proto = classifier(opset=opset, listed=opset < 9)
    emitted.assert_equal(proto, target, {"imageinput": random(1, 3, 4, 5)})


def test_fully_connected_layers_read_as_such():
    code = code_of(classifier())
    for line in (
        'self.register_buffer("imageinput_Mean", torch.zeros(1, 3, 1, 1))',
        "self.fc_1 = nn.Linear(120, 7)",
        "self.fc_2 = nn.Linear(7, 4)",
        "F.elu(self.fc_1(torch.flatten(x, 1)))",
    ):
        assert line in code
    assert code.count("flatten") == 1
    code = code_of(classifier(), "keras")
    assert 'layers.Dense(7, name="fc_1")' in code


def test_an_image_of_one_pixel_made_for_the_layer_is_not_made():
    """As release 21.2 writes a flatten layer in C order."""
    nodes = [
        named("Transpose", "flatten_Transpose", ["image"], perm=[0, 2, 3, 1]),
        named("Flatten", "flatten_Flatten", ["flatten_Transpose"], axis=1),
        named("Unsqueeze", "flatten_Unsqueeze", ["flatten_Flatten"], axes=[2, 3]),
        conv("fc", "flatten_Unsqueeze", kernel=[1, 1]),
        named("Flatten", "fc_Flatten", ["fc"], axis=1),
    ]
    proto = export(nodes, {"image": ["BatchSize", 3, 4, 5]}, ["fc_Flatten"], weights("fc", 7, 60, 1, 1), opset=8, listed=True)
    assert operators(emitted.read(proto)) == {"Transpose": 1, "Flatten": 1, "Gemm": 1}
    for target in ("pytorch", "keras"):
        emitted.assert_equal(proto, target, {"image": random(2, 3, 4, 5)})
    code = code_of(proto, "keras")
    assert 'layers.Flatten(name="flatten")' in code
    assert "transpose" not in code


def squeeze_and_excitation():
    nodes = [
        named("GlobalAveragePool", "pool", ["image"]),
        conv("squeeze", "pool", kernel=[1, 1]),
        named("Relu", "relu", ["squeeze"]),
        conv("excite", "relu", kernel=[1, 1]),
        named("Sigmoid", "sigmoid", ["excite"]),
        named("Mul", "scaled", ["image", "sigmoid"]),
    ]
    constants = weights("squeeze", 2, 3, 1, 1) | weights("excite", 3, 2, 1, 1, seed=2)
    return export(nodes, {"image": [1, 3, 4, 5]}, ["scaled"], constants)


def one_pixel_as_output():
    nodes = [conv("fc", "image", kernel=[4, 5]), named("Flatten", "flat", ["fc"], axis=1)]
    return export(nodes, {"image": [1, 3, 4, 5]}, ["flat", "fc"], weights("fc", 7, 3, 4, 5))


def of_another_exporter():
    proto = classifier()
    proto.producer_name = "pytorch"
    return proto


@pytest.mark.parametrize("make", [squeeze_and_excitation, one_pixel_as_output, of_another_exporter])
def test_other_convolutions_stay(make):
    proto = make()
    assert "Gemm" not in operators(emitted.read(proto))
    (image,) = [info for info in proto.graph.input if info.name in ("image", "imageinput")]
    emitted.assert_equal(proto, "pytorch", {image.name: random(1, 3, 4, 5)})


# Other layers, in the forms of each opset that the exporter writes ---------------------------------------------------------


def every_form(opset):
    """Layers whose operators changed between the opsets that exportONNXNetwork offers (6 to 14)."""
    constants = weights("conv", 8, 2, 3, 3) | weights("fc", 5, 8, 1, 1, seed=2)
    constants |= {"deconv_W": random(8, 8, 2, 2, seed=4), "deconv_B": random(8, seed=5)}
    constants |= {f"batchnorm_{name}": np.abs(random(8, seed=6)) + 0.5 for name in ("scale", "B", "mean", "var")}
    statistics = [f"batchnorm_{name}" for name in ("scale", "B", "mean", "var")]
    clip, clipped = (["0", "6"], {}) if opset >= 11 else ([], {"min": 0.0, "max": 6.0})
    constants |= {"0": np.float32(0), "6": np.float32(6)} if opset >= 11 else {}
    scales = [1.0, 1.0, 2.0, 2.0]
    if opset >= 9:
        constants["resize_scales"] = np.float32(scales)
    if opset >= 11:
        constants["resize_roi"] = np.zeros(0, np.float32)
        options = {"coordinate_transformation_mode": "half_pixel", "mode": "nearest", "nearest_mode": "round_prefer_ceil"}
        resize = named("Resize", "resize", ["deconv", "resize_roi", "resize_scales"], **options)
    elif opset >= 9:
        resize = named("Upsample" if opset == 9 else "Resize", "resize", ["deconv", "resize_scales"], mode="nearest")
    else:
        resize = named("Upsample", "resize", ["deconv"], mode="nearest", scales=scales)
    grouped = conv("conv", "image", kernel=[3, 3], pads=[1, 1, 1, 1])
    next(entry for entry in grouped.attribute if entry.name == "group").i = 2
    window = {"group": 1, "dilations": [1, 1], "kernel_shape": [2, 2], "pads": [0] * 4, "strides": [2, 2]}
    nodes = [
        grouped,
        named("BatchNormalization", "batchnorm", ["conv", *statistics], epsilon=1e-5),
        named("Clip", "clippedrelu", ["batchnorm", *clip], **clipped),
        named("LRN", "crossnorm", ["clippedrelu"], alpha=1e-4, beta=0.75, bias=2.0, size=5),
        named("LeakyRelu", "leakyrelu", ["crossnorm"], alpha=0.01),
        named("Add", "addition", ["leakyrelu", "conv"]),
        named("ConvTranspose", "deconv", ["addition", "deconv_W", "deconv_B"], **window),
        resize,
        named("AveragePool", "avgpool", ["resize"], kernel_shape=[2, 2], pads=[0, 1, 0, 1], strides=[2, 2]),
        named("Dropout", "dropout", ["avgpool"]),
        named("GlobalAveragePool", "gap", ["dropout"]),
        conv("fc", "gap", kernel=[1, 1]),
        named("Flatten", "softmax_Flatten", ["fc"], axis=1),
        named("Softmax", "softmax", ["softmax_Flatten"], axis=1),
    ]
    return export(nodes, {"image": [1, 4, 6, 8]}, ["softmax"], constants, opset=opset, listed=opset < 9)


@pytest.mark.parametrize("opset", range(7, 15))
def test_every_form_of_each_opset(opset):
    proto = every_form(opset)
    emitted.assert_equal(proto, "pytorch", {"image": random(1, 4, 6, 8)})
    code = code_of(proto)
    for name in ("conv", "batchnorm", "deconv", "avgpool", "dropout", "gap", "fc"):
        assert f"self.{name} = nn." in code


# Softmax over the channels of an image -------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [8, 14])
def test_softmax_of_an_image(opset):
    nodes = [
        named("Transpose", "softmax_Transpose1", ["image"], perm=[0, 2, 3, 1]),
        named("Softmax", "softmax", ["softmax_Transpose1"], axis=3),
        named("Transpose", "softmax_Transpose2", ["softmax"], perm=[0, 3, 1, 2]),
    ]
    proto = export(nodes, {"image": ["BatchSize", 3, 4, 5]}, ["softmax_Transpose2"], {}, opset=opset)
    assert "return F.softmax(image, dim=1)" in code_of(proto)
    emitted.assert_equal(proto, "pytorch", {"image": random(2, 3, 4, 5)})


# Operators of MATLAB's own -------------------------------------------------------------------------------------------------


def segmentation(sizes, *, window=2, domain="com.mathworks"):
    """Pooling and unpooling as release 20.2 writes them."""
    pooled = {"kernel_shape": [window] * 2, "pads": [0] * 4, "strides": [2, 2]}
    nodes = [
        named("Shape", "maxpool_size", ["image"]),
        named("MaxPool", "maxpool", ["image"], ["maxpool_out", "maxpool_indices"], **pooled),
        named("Mul", "scaled", ["maxpool_out", "factor"]),
        named("MaxUnpool", "unpool", ["scaled", "maxpool_indices", "maxpool_size"], domain=domain),
        named("Transpose", "softmax_Transpose1", ["unpool"], perm=[0, 2, 3, 1]),
        named("Softmax", "softmax", ["softmax_Transpose1"], axis=3),
        named("Transpose", "softmax_Transpose2", ["softmax"], perm=[0, 3, 1, 2]),
    ]
    constants = {"factor": np.float32([[[[0.5]]]])}
    return export(
        nodes, {"image": ["BatchSize", 3, *sizes]}, ["softmax_Transpose2", "unpool"], constants, opset=8, domains={domain: 1}
    )


def unpooled(image):
    """Half of the largest of each 2x2 window in its place, zeros elsewhere."""
    result = np.zeros_like(image)
    batch, channels, height, width = image.shape
    for b, c, y, x in np.ndindex(batch, channels, height // 2, width // 2):
        window = image[b, c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
        dy, dx = np.unravel_index(window.argmax(), (2, 2))
        result[b, c, 2 * y + dy, 2 * x + dx] = window[dy, dx] / 2
    return result


@pytest.mark.parametrize("sizes", [(4, 6), (5, 6), (7, 9)], ids=str)
@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("domain", ["com.mathworks", "com.MathWorks"])
def test_unpooling(sizes, target, domain):
    image = random(2, 3, *sizes)
    graph = emitted.read(segmentation(sizes, domain=domain))
    softmax, found = emitted.run(graph, target, {"image": image})
    wanted = unpooled(image)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_allclose(softmax, np.exp(wanted) / np.exp(wanted).sum(axis=1, keepdims=True), atol=1e-6)
    answer = emitted.judge(to_model(graph), {"image": image})
    np.testing.assert_allclose(answer[1], wanted, atol=1e-6)


def test_unpooling_reads_as_in_pytorch():
    code = code_of(segmentation((5, 6)))
    assert "maxpool_out, maxpool_indices = F.max_pool2d(image, 2, return_indices=True)" in code
    assert "F.max_unpool2d(x, maxpool_indices, (3, 2), 2)" in code
    assert "F.softmax(unpool, dim=1)" in code


def test_indices_that_others_read_count_in_the_whole_tensor():
    proto = segmentation((4, 6))
    proto.graph.output.append(onnx.ValueInfoProto(name="maxpool_indices"))
    image = random(2, 3, 4, 6)
    for target in ("pytorch", "keras"):
        indices = emitted.run(emitted.read(proto), target, {"image": image})[2]
        np.testing.assert_array_equal(image.reshape(-1)[indices], image.reshape(2, 3, 2, 2, 3, 2).max(axis=(3, 5)))


def test_unpooling_to_another_size_is_refused():
    proto = segmentation((4, 6))
    proto.graph.node[0].input[0] = "other"
    proto.graph.input.append(onnx.helper.make_tensor_value_info("other", FLOAT, ["BatchSize", 3, 8, 12]))
    (problem,) = refusals(emitted.read(proto), "pytorch")
    assert "node 'unpool'" in str(problem)
    assert "its size is not provably that of the image which was pooled" in str(problem)
    assert ".mat" in str(problem)


def test_unpooling_of_overlapping_windows_is_refused():
    (problem,) = refusals(emitted.read(segmentation((5, 7), window=3)), "pytorch")
    assert "the windows of its pooling overlap" in str(problem)


def test_unpooling_is_verified(tmp_path):
    """onnxruntime does not know the operator: the judge runs the graph's own form, and the report says so."""
    onnx.save(segmentation((5, 6)), tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok
    assert "the graph's ONNX form" in conversion.report.judge
    assert any("onnxruntime does not know com.mathworks:MaxUnpool" in note for note in conversion.notes)


def placeholder(**attributes):
    nodes = [
        named("Relu", "relu", ["image"]),
        named("Placeholder", "layer_1", ["relu"], domain="com.MathWorks", **attributes),
        named("Relu", "relu_2", ["layer_1"]),
    ]
    return export(nodes, {"image": [1, 3, 4, 5]}, ["relu_2"], {}, opset=8, domains={"com.MathWorks": 1})


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({}, "the file does not say of which class"),
        ({"doc_string": "Placeholder operator"}, "the file does not say of which class"),
        ({"doc_string": "BiasedSigmoidLayer"}, "the file says of it: 'BiasedSigmoidLayer'"),
        ({"class": "rl.layer.ScalingLayer"}, "the file says of it: class 'rl.layer.ScalingLayer'"),
    ],
)
@pytest.mark.parametrize("target", ["pytorch", "keras", "onnx"])
def test_a_placeholder_is_refused_by_name(attributes, told, target):
    (problem,) = refusals(emitted.read(placeholder(**attributes)), target)
    assert "layer 'layer_1', which MATLAB's exporter could not write as ONNX" in str(problem)
    assert told in str(problem)
    assert ".mat" in str(problem)


# Files older than onnxruntime runs -----------------------------------------------------------------------------------------


def test_a_file_of_opset_6_is_verified(tmp_path):
    """As release 18.2 writes it; onnxruntime has no BatchNormalization of opset 6."""
    nodes = [
        conv("conv", "img_input", kernel=[3, 3]),
        named(
            "BatchNormalization",
            "batchnorm",
            ["conv", *(f"batchnorm_{name}" for name in ("scale", "B", "mean", "var"))],
            epsilon=1e-5,
            is_test=1,
        ),
        named("Relu", "relu", ["batchnorm"]),
        named("Flatten", "fc_Flatten", ["relu"], axis=1),
        named("MatMul", "fc_MatMul", ["fc_Flatten", "fc_MatMul_W"]),
        named("Add", "fc_Add", ["fc_MatMul", "fc_Add_B"], axis=1, broadcast=1),
        named("Softmax", "softmax", ["fc_Add"], axis=1),
    ]
    constants = weights("conv", 4, 1, 3, 3) | {f"batchnorm_{name}": random(4, seed=3) for name in ("scale", "B", "mean")}
    constants |= {"batchnorm_var": np.abs(random(4, seed=4)) + 0.5, "fc_MatMul_W": random(48, 5), "fc_Add_B": random(5)}
    proto = export(nodes, {"img_input": [1, 1, 5, 6]}, ["softmax"], constants, opset=6, listed=True)
    onnx.save(proto, tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok, conversion.report.findings
    assert "at opset 7 by onnx.version_converter" in conversion.report.judge


def products(sizes):
    """What release 18.2.0 writes for two fully connected layers: Gemm of images, which no runtime knows."""
    gemm = {"alpha": 1.0, "beta": 1.0, "broadcast": 1, "transA": 0, "transB": 1}
    nodes = [
        named("Sub", "input_Sub", ["input", "input_AvgImg"], broadcast=1),
        named("Gemm", "fc_1", ["input_Sub", "fc_1_W", "fc_1_B"], **gemm),
        named("Relu", "relu_1", ["fc_1"]),
        named("Gemm", "fc_2", ["relu_1", "fc_2_W", "fc_2_B"], **gemm),
    ]
    count = int(np.prod(sizes))
    constants = {"input_AvgImg": random(1, *sizes)} | weights("fc_1", 4, count) | weights("fc_2", 2, 4, seed=2)
    proto = export(nodes, {"input": [1, *sizes]}, [], constants, opset=6, listed=True)
    proto.graph.output.append(onnx.helper.make_tensor_value_info("fc_2", FLOAT, [1, 2, 1, 1]))
    return proto, constants


def test_products_of_images(tmp_path):
    proto, held = products((1, 1, 5))
    onnx.save(proto, tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok
    assert any("onnxruntime does not know Gemm of images" in note for note in conversion.notes)
    image = random(1, 1, 1, 5, seed=9)
    hidden = np.maximum((image - held["input_AvgImg"]).reshape(1, 5) @ held["fc_1_W"].T + held["fc_1_B"], 0)
    wanted = (hidden @ held["fc_2_W"].T + held["fc_2_B"]).reshape(1, 2, 1, 1)
    np.testing.assert_allclose(conversion.run({"input": image})["fc_2"], wanted, atol=1e-5)
    assert "x = F.relu(self.fc_1(torch.flatten(x, 1)))" in code_of(proto)


def test_products_of_images_whose_order_is_told_nowhere():
    with pytest.raises(converter.ConversionError, match="no standard tells in which order its elements count"):
        emitted.read(products((3, 4, 5))[0])


def test_products_bear_the_name_of_their_layer():
    """As release 18.2.5 writes a fully connected layer."""
    nodes = [
        named("Flatten", "fc_Flatten", ["image"], axis=1),
        named("MatMul", "fc_MatMul", ["fc_Flatten", "fc_MatMul_W"]),
        named("Add", "fc_Add", ["fc_MatMul", "fc_Add_B"]),
    ]
    constants = {"fc_MatMul_W": random(60, 4), "fc_Add_B": random(4)}
    proto = export(nodes, {"image": [1, 3, 4, 5]}, ["fc_Add"], constants, opset=8, listed=True)
    assert "self.fc = nn.Linear(60, 4)" in code_of(proto)
    assert 'layers.Flatten(name="fc_Flatten")' in code_of(proto, "keras")


# Sequences -----------------------------------------------------------------------------------------------------------------


def recurrent(op_type, **attributes):
    """A recurrent layer over (time, batch, features), its states and a fully connected layer for each step."""
    gates, hidden, features = (4 if op_type == "LSTM" else 3), 5, 3
    states = ["layer_h0", "layer_c0"] if op_type == "LSTM" else ["layer_h0"]
    inputs = ["sequenceinput", "layer_W", "layer_R", "layer_B", "", *states]
    nodes = [
        named(op_type, "layer", inputs, ["layer_Y"], hidden_size=hidden, direction="forward", **attributes),
        named("Squeeze", "layer_Squeeze", ["layer_Y"], axes=[1]),
        named("MatMul", "fc_MatMul", ["layer_Squeeze", "fc_MatMul_W"]),
        named("Add", "fc_Add", ["fc_MatMul", "fc_Add_B"]),
    ]
    constants = {
        "layer_W": random(1, gates * hidden, features),
        "layer_R": random(1, gates * hidden, hidden, seed=1),
        "layer_B": random(1, 2 * gates * hidden, seed=2),
        "fc_MatMul_W": random(hidden, 2, seed=3),
        "fc_Add_B": random(2, seed=4),
    } | {state: np.zeros((1, 1, hidden), np.float32) for state in states}
    return export(nodes, {"sequenceinput": ["SequenceLength", 1, features]}, ["fc_Add"], constants, opset=8, listed=True)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize(("op_type", "attributes"), [("LSTM", {}), ("GRU", {"linear_before_reset": 1}), ("GRU", {})])
def test_recurrent_layers(op_type, attributes, target):
    emitted.assert_equal(recurrent(op_type, **attributes), target, {"sequenceinput": random(7, 1, 3)})


# Real files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not FILES.is_dir(), reason="CONVERTER_MATLAB names no folder with the files")
@pytest.mark.parametrize("pair", ["dlt_series_cnn_bn_zerocenter__PAIR", "dlt_series_cnn_elu_keras__PAIR"])
def test_the_exported_file_is_the_saved_network(pair):
    """The same layers under the same names with the same answer, whichever of its two files is read."""
    exported, saved = converter.read(FILES / f"{pair}.onnx"), converter.read(FILES / f"{pair}.mat")
    assert operators(exported)["Gemm"] == operators(saved)["Gemm"] > 1
    assert operators(exported)["Conv"] == operators(saved)["Conv"] > 1
    layers = [[each.name for each in graph.nodes if each.op_type in ("Conv", "Gemm")] for graph in (exported, saved)]
    assert layers[0] == layers[1]
    (port,) = exported.inputs
    image = np.random.default_rng(0).uniform(0, 255, (1, *port.shape[1:])).astype(np.float32)
    answers = [emitted.judge(to_model(graph), {graph.inputs[0].name: image})[0] for graph in (exported, saved)]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)
