"""Printed layer arrays, in the words of every release and as people paste them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import converter
from converter.errors import ReadError
from converter.readers import matlab
from tests.matlab.conftest import FIXTURES

DISPLAYS = Path(os.environ.get("CONVERTER_MATLAB", Path(__file__).parents[3] / "shared" / "matlab")) / "displays"
real = pytest.mark.skipif(not DISPLAYS.is_dir(), reason=f"no printed layer arrays of others in {DISPLAYS}")

IMAGE = "1 'in' Image Input 8×6×4 images"


def read(tmp_path, *lines, name="net.txt", encoding="utf-8"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return converter.read(path)


def refusal(tmp_path, *lines):
    with pytest.raises(ReadError) as caught:
        read(tmp_path, *lines)
    return str(caught.value)


def nodes(graph):
    return [(node.name, node.op_type) for node in graph.nodes]


# Words ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "pads", "kernel", "group"),
    [
        ("Convolution  6 3x3x4 convolutions with stride [2  1] and padding [1  0]", (1, 1, 0, 0), (3, 3), 1),
        ("Convolution  6 3x3x4 convolutions with stride [2  1] and padding [1  1  0  0]", (1, 1, 0, 0), (3, 3), 1),
        ("2-D Convolution  6 3×3×4 convolutions with stride [2  1] and padding [1  2  0  3]", (1, 2, 0, 3), (3, 3), 1),
        ("2-D Convolution  6 3×3 convolutions with stride [2  1] and padding [0  0  0  0]", (0, 0, 0, 0), (3, 3), 1),
        ("2-D Convolution  6 3×3×4 convolutions with stride [2  1] and padding 'same'", (0, 1, 1, 1), (3, 3), 1),
        ("Convolution  6 3x1x2 convolutions with stride [2 1] and padding [0 0 0 0]", (0, 0, 0, 0), (3, 1), 2),
        ("Grouped Convolution  2 groups of 3 3x1x2 convolutions with stride [2 1] and padding [0 0 0 0]",
         (0, 0, 0, 0), (3, 1), 2),
        ("2-D Grouped Convolution  2 groups of 3 3×1 convolutions with stride [2  1] and padding 'same'",
         (0, 1, 0, 0), (3, 1), 2),
    ],
)  # fmt: skip
def test_convolutions_of_every_release(tmp_path, words, pads, kernel, group):
    (conv,) = read(tmp_path, IMAGE, f"2 'conv' {words}").nodes
    assert tuple(conv["pads"].matlab) == pads
    assert (tuple(conv["kernel_shape"]), conv["group"], tuple(conv["strides"])) == (kernel, group, (2, 1))
    assert conv.input(1).shape == (6, 4 // group, *kernel)


def test_groups_that_a_list_hides_are_told(tmp_path):
    graph = read(tmp_path, IMAGE, "2 'conv' Convolution  6 3x3x2 convolutions with stride [1  1] and padding [0  0  0  0]")
    assert any("'conv'" in note and "2 channels after 4 channels are read as 2 groups" in note for note in graph.notes)


@pytest.mark.parametrize(
    ("words", "op_type", "attributes"),
    [
        ("Max Pooling  3x3 max pooling with stride [2  2] and padding [0  0]", "MaxPool", {"kernel_shape": (3, 3)}),
        ("2-D Max Pooling  3×3 max pooling with stride [2  2] and padding [0  0  0  0]", "MaxPool", {"strides": (2, 2)}),
        ("Average Pooling  3x3 average pooling with stride [2  2] and padding [1  1  1  1]", "AveragePool",
         {"count_include_pad": 1}),
        ("Global Average Pooling  Global average pooling", "GlobalAveragePool", {}),
        ("2-D Global Max Pooling  2-D global max pooling", "GlobalMaxPool", {}),
        ("Transposed Convolution  3 2x2x4 transposed convolutions with stride [2  2] and cropping [0  0  0  0]",
         "ConvTranspose", {"strides": (2, 2)}),
        ("Cross Channel Normalization  cross channel normalization with 5 channels per element", "LRN",
         {"size": 5, "alpha": 1e-4, "beta": 0.75, "bias": 2}),
        ("Batch Normalization  Batch normalization", "BatchNormalization", {"epsilon": 1e-5}),
        ("Batch Normalization  Batch normalization with 4 channels", "BatchNormalization", {"epsilon": 1e-5}),
        ("ReLU  ReLU", "Relu", {}),
        ("Leaky ReLU  Leaky ReLU with scale 0.1", "LeakyRelu", {"alpha": 0.1}),
        ("Clipped ReLU  Clipped ReLU with ceiling 6", "Clip", {}),
        ("ELU  ELU with Alpha 1", "Elu", {"alpha": 1}),
        ("GELU  GELU", "Gelu", {"approximate": "none"}),
        ("Tanh  Hyperbolic tangent", "Tanh", {}),
        ("Sigmoid  Sigmoid activation function", "Sigmoid", {}),
        ("Sigmoid  sigmoid", "Sigmoid", {}),
        ("Softplus  Softplus", "Softplus", {}),
        ("Softmax  softmax", "Softmax", {"axis": 1}),
        ("Dropout  50% dropout", "Dropout", {}),
        ("Fully Connected  10 fully connected layer", "Gemm", {}),
        ("Flatten  Flatten", "Flatten", {}),
        ("Keras Flatten  Flatten activations into 1-D assuming C-style (row-major) order", "Flatten", {}),
    ],
)  # fmt: skip
def test_words_of_the_other_layers(tmp_path, words, op_type, attributes):
    node = read(tmp_path, IMAGE, f"2 'y' {words}").nodes[-1]
    assert (node.name, node.domain, node.op_type) == ("y", "", op_type)
    assert {name: node[name] for name in attributes} == attributes


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ("Image Input  28x28x1 images with 'zerocenter' normalization", (1, 28, 28)),
        ("3-D Image Input  8×9×10×2 images with 'zerocenter' normalization", (2, 8, 9, 10)),
        ("Feature Input  21 features with 'zscore' normalization", (21,)),
        ("Feature Input  4 features", (4,)),
    ],
)
def test_inputs(tmp_path, words, shape):
    graph = read(tmp_path, f"1 'in' {words}", "2 'relu' ReLU  ReLU")
    assert graph.inputs[0].shape == ("batch", *shape)
    assert any("NormalizationDimension" in note for note in graph.notes) == ("normalization" in words)


def test_what_a_list_leaves_open_is_told_with_the_default_taken(tmp_path):
    notes = read(
        tmp_path,
        IMAGE,
        "2 'conv' Convolution  6 3x3x4 convolutions with stride [1  1] and padding [0  0  0  0]",
        "3 'bn' Batch Normalization  Batch normalization with 6 channels",
        "4 'lrn' Cross Channel Normalization  cross channel normalization with 5 channels per element",
    ).notes
    for words in (
        "does not show connections",
        "'conv': taken as DilationFactor 1, PaddingValue 0, the default",
        "'bn': taken as Epsilon 1e-05, the default",
        "'lrn': taken as Alpha 0.0001, Beta 0.75, K 2, the default",
        "without their weights",
    ):
        assert any(words in note for note in notes), words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("crossentropyex", ""),
        ("crossentropyex with classes 'cat' and 'dog'", "'cat', 'dog'"),
        ("crossentropyex with 'tench' and 999 other classes", ""),
        ("crossentropyex with 'tench', 'goldfish', and 998 other classes", ""),
    ],
)
def test_class_names_are_told_where_the_list_has_all_of_them(tmp_path, words, told):
    notes = " ".join(read(tmp_path, IMAGE, f"2 'out' Classification Output  {words}").notes)
    assert told in notes if told else "Output classes" not in notes


# As people paste them -------------------------------------------------------------------------------------------------------

PLAIN = [IMAGE, "2 'conv' Convolution  6 3x3x4 convolutions with stride [1  1] and padding [1  1]", "3 '' ReLU  ReLU"]


@pytest.mark.parametrize(
    "lines",
    [
        PLAIN,
        ["layers = ", "", "  3×1 Layer array with layers:", "", *(f"     {line}" for line in PLAIN), "", ">> "],
        [f"% {line}" for line in PLAIN],
        [f"\t%{line}" for line in PLAIN],
        [PLAIN[0], "", PLAIN[1], "", "", PLAIN[2]],
        ["1\t'in'\tImage Input\t8x6x4 images", PLAIN[1].replace("Convolution  ", "Convolution\t"), PLAIN[2]],
        ["| # | name | type | text |", "|---|---|---|---|", "| 1 | 'in' | Image Input | 8×6×4 images |",
         "| 2 | 'conv' | 2-D Convolution | 6 3×3×4 convolutions with stride [1 1] and padding [1 1 1 1] |",
         "| 3 | '' | ReLU | ReLU |"],
        [line.replace("'", "\u2019") for line in PLAIN],
        [line.replace("×", "\u00c3\u2014").replace("  ", " ") for line in PLAIN],
    ],
    ids=["plain", "header", "comments", "tabbed comments", "blank lines", "tabs", "Markdown", "typographic quotes", "mojibake"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_lists_as_people_paste_them(tmp_path, lines, encoding):
    graph = read(tmp_path, *lines, encoding=encoding)
    assert nodes(graph) == [("conv", "Conv"), ("layer_3", "Relu")]
    assert graph.outputs[0].shape == ("batch", 6, 8, 6)
    assert graph.nodes[0]["pads"].matlab == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["net.md", "layers.m", "net", "net.onnx"])
def test_the_content_tells_a_list_whatever_the_file_is_called(tmp_path, name):
    assert nodes(read(tmp_path, *PLAIN, name=name)) == [("conv", "Conv"), ("layer_3", "Relu")]


def test_a_text_file_without_a_list_is_refused(tmp_path):
    assert "no MAT-file" in refusal(tmp_path, "some notes about networks")


# What is refused ------------------------------------------------------------------------------------------------------------


def test_connections_that_a_list_does_not_show_are_not_guessed(tmp_path):
    text = refusal(tmp_path, IMAGE, "2 'a' ReLU ReLU", "3 'b' ReLU ReLU", "4 'add' Addition Element-wise addition of 2 inputs")
    assert "'add'" in text
    assert "export_network" in text


def test_branches_that_each_have_their_own_input_can_be_joined(tmp_path):
    graph = read(
        tmp_path,
        "1 'left' Feature Input  3 features",
        "2 'relu' ReLU  ReLU",
        "3 'right' Feature Input  5 features",
        "4 'tanh' Tanh  Hyperbolic tangent",
        "5 'join' Concatenation  Concatenation of 2 inputs along dimension 1",
        "6 'fc' Fully Connected  2 fully connected layer",
    )
    assert [value.name for value in graph.nodes[2].inputs] == ["relu", "tanh"]
    assert graph.nodes[2].output.shape == ("batch", 8)
    assert [value.name for value in graph.outputs] == ["fc"]


def test_a_list_without_its_beginning(tmp_path):
    text = refusal(tmp_path, "1 'relu' ReLU  ReLU", "2 'fc' Fully Connected  2 fully connected layer")
    assert "'relu'" in text
    assert "no input layer" in text


def test_a_list_without_its_end_is_a_shorter_network(tmp_path):
    graph = read(tmp_path, "  5x1 Layer array with layers:", "", *PLAIN)
    assert "The list is cut off: it has layers 1 to 3 of 5, and so has the model." in graph.notes


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([IMAGE, "2 'a' ReLU ReLU", "5 'b' ReLU ReLU", "7 'c' ReLU ReLU"], "layers are missing: 3 to 4, 6"),
        ([IMAGE, "99999999999999999999 'a' ReLU ReLU"], "2 to 99999999999999999998"),
        ([IMAGE, "3 'a' ReLU ReLU", "2 'b' ReLU ReLU"], "order of their numbers"),
        ([IMAGE, "2 'a' ReLU ReLU", "3 'a' ReLU ReLU"], "has the name of layer 2"),
        ([*PLAIN, *PLAIN], "same number"),
        ([IMAGE, "2 'c' Convolution  6 3x3x4 convolutions with padding [0  0]"], "no stride"),
        ([IMAGE, "2 'c' Convolution  6 3x3x4 convolutions with stride [1  1] and colour [2  2]"], "'and colour [2  2]'"),
        ([IMAGE, "2 'c' Convolution  6 3x3x4 convolutions with stride [1  1] and padding [0  0  0]"], "of 3 numbers"),
        ([IMAGE, "2 'c' Convolution  6 3x3x4x5 convolutions with stride [1  1] and padding 'same'"], "4 sizes"),
        ([IMAGE, "2 'fc' Fully Connected  many fully connected layer"], "none that MATLAB prints"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be_right(tmp_path, lines, words):
    assert words.replace("  ", " ") in refusal(tmp_path, *lines)


def test_types_of_other_toolboxes_become_placeholders(tmp_path):
    graph = read(tmp_path, IMAGE, "2 'mine'   My Own Layer   does a thing")
    assert [(node.op_type, node.domain) for node in graph.nodes] == [("My Own Layer", "matlab")]
    assert (graph.layers[1].type, graph.layers[1].description) == ("My Own Layer", "does a thing")


# Whole networks -------------------------------------------------------------------------------------------------------------


def test_alexnet_is_the_network_of_the_layer_table():
    printed, table = (converter.read(FIXTURES / name) for name in ("AlexNet.txt", "alexnet.mat"))
    shape = [(node.name, node.op_type, node.attributes, [v.shape for v in node.inputs if v]) for node in printed.nodes]
    assert shape == [(node.name, node.op_type, node.attributes, [v.shape for v in node.inputs if v]) for node in table.nodes]
    assert any("'norm1', 'norm2'" in note and "K 1, as MATLAB's alexnet has it" in note for note in printed.notes)


@real
@pytest.mark.parametrize(
    ("name", "count", "output"),
    [
        ("01_alexnet_r2016-2017_pad2", 25, (1000,)),
        ("02_alexnet_transfer_r2022plus", 25, (2,)),
        ("04_vgg19_docs", 47, (1000,)),
        ("09_cifar_untrained_15", 15, (10,)),
        ("13_keras_import_nvidia_classifier_21", 21, (5,)),
        ("19_mathconvnet_import_alexnet_r2016_partial", 13, (384, 13, 13)),
    ],
)
def test_real_lists(name, count, output):
    graph = converter.read(DISPLAYS / f"{name}.txt")
    assert len(graph.layers) == count
    assert [value.shape[1:] for value in graph.outputs] == [output]
    assert not any(node.domain for node in graph.nodes)


@real
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("06_resnet50_177", ["'add_1', 'add_2', 'add_3' and 13 more"]),
        ("11_squeezenet_tail_10", ["no input layer", "'fire9-concat'"]),
    ],
)
def test_real_lists_that_say_too_little(name, words):
    with pytest.raises(ReadError) as caught:
        converter.read(DISPLAYS / f"{name}.txt")
    assert all(word in str(caught.value) for word in words)


@given(seed=st.integers(0, 2**32))
def test_damaged_lists_give_nothing_but_a_message(tmp_path_factory, seed):
    chance = random.Random(seed)
    text = (FIXTURES / "AlexNet.txt").read_text()
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(text))
        new = chance.choice(["0", "99999999999999999999", "x", "'", "\n", "[", "-1", "1e400", ""])
        text = text[:place] + new + text[place + chance.choice([0, 1, 20]) :]
    path = tmp_path_factory.getbasetemp() / "damaged.txt"
    path.write_text(text)
    try:
        matlab.read(path)
    except ReadError as error:
        assert error.problems
