"""Printed layer arrays, in the words of every release and as people paste them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import converter
from converter import functions
from converter.errors import ReadError
from converter.readers import matlab
from converter.readers.matlab.layers.refused import REASONS
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
        ("2-D Convolution  6 3×3×4 convolutions with stride [2  1], dilation factor [1  1], and padding 'same'",
         (0, 1, 1, 1), (3, 3), 1),
    ],
)  # fmt: skip
def test_convolutions_of_every_release(tmp_path, words, pads, kernel, group):
    (conv,) = read(tmp_path, IMAGE, f"2 'conv' {words}").nodes
    assert tuple(conv["pads"].matlab) == pads
    assert (tuple(conv["kernel_shape"]), conv["group"], tuple(conv["strides"])) == (kernel, group, (2, 1))
    assert conv.input(1).shape == (6, 4 // group, *kernel)


@pytest.mark.parametrize(
    ("words", "pads"),
    [
        ("stride [1  1], dilation factor [2  3] and padding [2  2  3  3]", (2, 2, 3, 3)),
        ("stride [1  1], dilation factor [2  3], and padding 'same'", (2, 2, 3, 3)),
        ("stride [1 1] and dilation factor [2 3] and padding [1 1 2 2]", (1, 1, 2, 2)),
    ],
)
def test_dilation(tmp_path, words, pads):
    graph = read(tmp_path, IMAGE, f"2 'conv' 2-D Convolution  6 3×3×4 convolutions with {words}")
    assert tuple(graph.nodes[0]["dilations"]) == (2, 3)
    assert tuple(graph.nodes[0]["pads"].matlab) == pads
    assert not any("DilationFactor" in note for note in graph.notes)
    assert "dilation factor [2  3]" in graph.layers[1].description


@pytest.mark.parametrize(
    ("first", "words", "op_type", "shape"),
    [
        ("Sequence Input  Sequence input with 3 dimensions",
         "1-D Convolution  5 4 convolutions with stride 1 and padding 'same'", "Conv", (5, "time")),
        ("Sequence Input  Sequence input with 3 dimensions",
         "1-D Convolution  5 4×3 convolutions with stride 1, dilation factor 2, and padding 'causal'", "Conv", (5, "time")),
        ("3-D Image Input  8×8×6×2 images",
         "3-D Convolution  5 3×3×3×2 convolutions with stride [2  2  2] and padding [1  1  0; 1  1  0]", "Conv", (5, 4, 4, 2)),
        ("3-D Image Input  8×8×6×2 images",
         "3-D Average Pooling  2×2×2 average pooling with stride [2  2  2] and padding [0  0  0; 0  0  0]", "AveragePool",
         (2, 4, 4, 3)),
        ("Image Input  8×6×4 images",
         "Transposed Convolution  3 4×4×4 transposed convolutions with stride [2  2] and cropping 'same'",
         "ConvTranspose", (3, 16, 12)),
        ("Image Input  8×6×4 images",
         "2-D Grouped Convolution  4 groups of 2 3×3×1 convolutions with stride [1  1] and padding 'same'",
         "Conv", (8, 8, 6)),
    ],
)  # fmt: skip
def test_layers_of_one_two_and_three_dimensions(tmp_path, first, words, op_type, shape):
    graph = read(tmp_path, f"1 'in' {first}", f"2 'y' {words}")
    assert [node.op_type for node in graph.nodes if node.name == "y"] == [op_type]
    out = graph.outputs[0].shape[1:]
    assert len(out) == len(shape)
    assert all(size == found or not isinstance(size, int) for size, found in zip(shape, out, strict=True))


def test_releases_that_print_groups_hide_none(tmp_path):
    """A convolution of fewer channels than the layer before it has is then the start of a branch that the list hides."""
    lines = [IMAGE, "2 'h' 2-D Convolution  8 1×1×4 convolutions with stride [1  1] and padding 'same'"]
    branch = "convolutions with stride [1  1] and padding [0  0  0  0]"
    assert "4 channels each, but 8 arrive" in refusal(tmp_path, *lines, f"3 'b' 2-D Convolution  6 1×1×4 {branch}")
    assert read(tmp_path, *lines, f"3 'b' Convolution  6 1x1x4 {branch}").nodes[1]["group"] == 2
    assert "2 channels each, but 8 arrive" in refusal(tmp_path, *lines, f"3 'b' Convolution  8 1x1x2 {branch}")


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
        ("Swish  Swish", "Silu", {}),
        ("PReLU  PReLU with 4 channels", "PRelu", {}),
        ("Instance Normalization  Instance normalization with 4 channels", "InstanceNormalization", {"epsilon": 1e-5}),
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
    assert (node.name, node.op_type) == ("y", op_type)
    assert node.domain in ("", functions.DOMAIN)
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


def test_the_normalization_of_sequences_is_not_printed(tmp_path):
    graph = read(tmp_path, "1 'in' Sequence Input  Sequence input with 3 dimensions", "2 'relu' ReLU  ReLU")
    assert any("'in': taken as Normalization none, the default" in note for note in graph.notes)


def test_augmentations_of_old_releases_serve_training_only(tmp_path):
    graph = read(tmp_path, f"{IMAGE} with 'zerocenter' normalization and 'randfliplr' augmentations", "2 'relu' ReLU  ReLU")
    assert [node.op_type for node in graph.nodes] == ["Sub", "Relu"]


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


def widths(lines, width):
    """The lines as a program breaks them at ``width``."""
    for line in lines:
        while len(line) > width:
            cut = line.rfind(" ", 0, width)
            yield line[:cut]
            line = line[cut + 1 :]
        yield line


@pytest.mark.parametrize(
    "lines",
    [
        [line.replace("'", "&#39;").replace("×", "&times;").replace("  ", "&nbsp; ") for line in PLAIN],
        [line.replace("  ", "\u00a0 ") for line in PLAIN],
        [line.replace("'", "\u201d") for line in PLAIN],
        [">> net.Layers", "ans = ", *PLAIN, ">> "],
        [f"> {line}" for line in PLAIN],
        [f"* {line}" for line in PLAIN],
        [line.replace(" ", "*  ", 1) for line in PLAIN],
        [line + end for line, end in zip(PLAIN, ("   (SW Layer)", "  (HW Layer)", " (HW Layer)"), strict=True)],
        [*widths(PLAIN, 40)],
        [*widths(PLAIN, 68)],
        [PLAIN[0], "imageInputLayer([8 6 4],'Name','in')", PLAIN[1], "convolution2dLayer(3,6,'Padding',1)", PLAIN[2]],
        ["| # | Name | Type | Description |", "|---|---|---|---|", "| 1 | `in` | **Image Input** | 8×6×4 images |",
         "| 2 | `conv` | **2-D Convolution** | 6 3×3×4 convolutions with stride [1 1] and padding [1 1 1 1] |",
         "| 3 |  | **ReLU** | ReLU |"],
        ["# | Name | Type | Description", "1 | in | Image Input | 8×6×4 images",
         "2 | conv | 2-D Convolution | 6 3×3×4 convolutions with stride [1 1] and padding [1 1 1 1]", "3 |  | ReLU | ReLU"],
        ["1\tin\t8×6×4 images\tImage Input\t8(S) × 6(S) × 4(C) × 1(B)\t-",
         "2\tconv\t6 3×3×4 convolutions with stride [1  1] and padding [1  1  1  1]\t2-D Convolution"
         "\t8(S) × 6(S) × 6(C) × 1(B)\tWeights 3 × 3 × 4 × 6\tBias 1 × 1 × 6",
         "3\tlayer_3\tReLU\tReLU\t8(S) × 6(S) × 6(C) × 1(B)\t-"],
        [*PLAIN, "", "as said, the second layer is", "", PLAIN[1]],
    ],
    ids=["entities", "no-break spaces", "double quotes", "prompts", "mail", "bullets", "stars", "hardware", "narrow", "wrapped",
         "code between", "Markdown code", "without quotes", "analyzeNetwork", "a line twice"],
)  # fmt: skip
def test_lists_that_went_through_other_programs(tmp_path, lines):
    graph = read(tmp_path, *lines)
    assert nodes(graph) == [("conv", "Conv"), ("layer_3", "Relu")]
    assert graph.outputs[0].shape == ("batch", 6, 8, 6)
    assert graph.nodes[0]["pads"].matlab == [1, 1, 1, 1]


@pytest.mark.parametrize(("encoding", "newline"), [("utf-16-le", "\n"), ("utf-8", "\r\n"), ("utf-16", "\r\n")])
def test_files_of_other_systems(tmp_path, encoding, newline):
    path = tmp_path / "net.txt"
    path.write_bytes(newline.join(PLAIN).encode(encoding))
    assert nodes(converter.read(path)) == [("conv", "Conv"), ("layer_3", "Relu")]


def test_a_wrapped_line_does_not_lose_its_normalization(tmp_path):
    graph = read(tmp_path, IMAGE, "with 'zerocenter' normalization", "2 'relu' ReLU ReLU")
    assert [node.op_type for node in graph.nodes] == ["Sub", "Relu"]


def test_lines_without_numbers_are_taken_as_they_stand(tmp_path):
    graph = read(tmp_path, "notes on the network", *(line.partition(" ")[2] for line in PLAIN))
    assert nodes(graph) == [("conv", "Conv"), ("layer_3", "Relu")]
    assert any("no numbers" in note for note in graph.notes)


def test_properties_printed_below_the_list_are_taken_over(tmp_path):
    graph = read(
        tmp_path,
        "1 '' Sequence Input  Sequence input with 3 dimensions",
        "2 '' LSTM  LSTM with 4 hidden units",
        "3 '' Fully Connected  2 fully connected layer",
        ">> layers(1)",
        "ans = ",
        "  SequenceInputLayer with properties:",
        "                      Name: ''",
        "             Normalization: 'zscore'",
        "    NormalizationDimension: 'auto'",
        "                      Mean: []",
        ">> layers(2)",
        "ans = ",
        "  LSTMLayer with properties:",
        "             NumHiddenUnits: 4",
        "                 OutputMode: 'last'",
    )
    assert graph.outputs[0].shape == ("batch", 2)
    assert [node.op_type for node in graph.nodes][:2] == ["Sub", "Div"]
    assert any("printed of 'layer_2' are taken over: OutputMode last" in note for note in graph.notes)
    assert not any("OutputMode sequence" in note for note in graph.notes)


@pytest.mark.parametrize("name", ["net.md", "layers.m", "net", "net.onnx"])
def test_the_content_tells_a_list_whatever_the_file_is_called(tmp_path, name):
    assert nodes(read(tmp_path, *PLAIN, name=name)) == [("conv", "Conv"), ("layer_3", "Relu")]


def test_a_text_file_without_a_list_is_refused(tmp_path):
    assert "no MAT-file" in refusal(tmp_path, "some notes about networks")


# Connections ----------------------------------------------------------------------------------------------------------------

BRANCHES = [
    IMAGE,
    "2 'a' 2-D Convolution  5 3×3×4 convolutions with stride [1  1] and padding 'same'",
    "3 'b' 2-D Convolution  5 1×1×4 convolutions with stride [1  1] and padding [0  0  0  0]",
    "4 'relu' ReLU  ReLU",
    "5 'join' Depth concatenation  Depth concatenation of 2 inputs",
    "6 'up' 2-D Max Pooling  2×2 max pooling with stride [2  2] and padding [0  0  0  0]",
]
PAIRS = [("in", "a"), ("in", "b"), ("b", "relu"), ("relu", "join/in1"), ("a", "join/in2"), ("join", "up")]


@pytest.mark.parametrize("form", ["{{'{}'     }}    {{'{}'  }}", "'{}'   '{}'", '"{}"    "{}"', "| '{}' | '{}' |"])
def test_a_printed_table_of_connections_is_followed(tmp_path, form):
    table = [form.format(*pair) for pair in reversed(PAIRS)]
    graph = read(tmp_path, *BRANCHES, ">> net.Connections", "  6×2 table", "     Source     Destination", *table)
    ends = {node.name: [value.name for value in node.inputs if value.weight is None] for node in graph.nodes}
    assert (ends["join"], ends["relu"], ends["b"]) == (["relu", "a"], ["b"], ["in"])
    assert graph.outputs[0].shape == ("batch", 10, 4, 3)
    assert not any("does not show connections" in note for note in graph.notes)


def test_unpooling_is_read_with_its_connections(tmp_path):
    graph = read(
        tmp_path,
        IMAGE,
        "2 'pool' Max Pooling  2x2 max pooling with stride [2  2] and padding [0  0  0  0]",
        "3 'unpool' Max Unpooling  Max Unpooling",
        *(f"'{a}'  '{b}'" for a, b in (("in", "pool"), ("pool/out", "unpool/in"), ("pool/indices", "unpool/indices"))),
        "'pool/size'  'unpool/size'",
    )
    assert [node.op_type for node in graph.nodes if node.name == "unpool"] == ["MaxUnpool"]
    assert graph.outputs[0].shape == ("batch", 4, 8, 6)


def test_sequences_are_unfolded_as_they_were_folded(tmp_path):
    graph = read(
        tmp_path,
        "1 'in' Sequence Input  Sequence input with 8×6×2 dimensions",
        "2 'fold' Sequence Folding  Sequence folding",
        "3 'conv' 2-D Convolution  5 3×3×2 convolutions with stride [1  1] and padding 'same'",
        "4 'unfold' Sequence Unfolding  Sequence unfolding",
        "5 'flat' Flatten  Flatten",
        "6 'fc' Fully Connected  3 fully connected layer",
    )
    assert not any(node.domain for node in graph.nodes)
    assert graph.outputs[0].shape[:2] == ("batch", 3)


def test_a_table_of_connections_that_is_cut_short_is_refused(tmp_path):
    table = [f"'{a}'  '{b}'" for a, b in PAIRS if b != "join/in2"]
    assert "has 2 inputs, of which 1 are connected" in refusal(tmp_path, *BRANCHES, *table)
    assert "no layer is named 'c'" in refusal(tmp_path, *BRANCHES, *table, "'c'  'join/in2'")


def test_a_layer_after_an_output_layer_begins_a_branch(tmp_path):
    text = refusal(
        tmp_path, IMAGE, "2 'r' Regression Output  mean-squared-error", "3 'fc' Fully Connected  2 fully connected layer"
    )
    assert "'fc'" in text
    assert "net.Connections" in text


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
        ([*PLAIN, PLAIN[0], PLAIN[1].replace("6 3x3", "7 3x3")], "same number"),
        ([IMAGE, "2 'c' Convolution  6 3x3x4 convolutions with padding [0  0]"], "no stride"),
        ([IMAGE, "2 'c' Convolution  6 3x3x4 convolutions with stride [1  1] and colour [2  2]"], "'and colour [2  2]'"),
        ([IMAGE, "2 'c' Convolution  6 3x3x4 convolutions with stride [1  1] and padding [0  0  0]"], "of 3 numbers"),
        ([IMAGE, "2 'c' Convolution  6 3x3x4x5 convolutions with stride [1  1] and padding 'same'"], "4 sizes"),
        ([IMAGE, "2 'fc' Fully Connected  many fully connected layer"], "none that MATLAB prints"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be_right(tmp_path, lines, words):
    assert words.replace("  ", " ") in refusal(tmp_path, *lines)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["net = ", "  dlnetwork with properties:", "         Layers: [9×1 nnet.cnn.layer.Layer]"], "shows a dlnetwork"),
        (["  LayerGraph with properties:", "    Connections: [17×2 table]"], "shows a LayerGraph"),
        (["  9×1 Layer array with layers:"], "announces layers"),
    ],
)
def test_a_network_without_its_list_is_refused_with_what_to_type(tmp_path, lines, words):
    text = refusal(tmp_path, *lines)
    assert words in text
    assert "net.Layers" in text
    assert "net.Connections" in text


def test_words_in_another_language_are_refused(tmp_path):
    text = refusal(tmp_path, "1 'in' 特征输入   3 个特征", "2 'fc' 全连接   5 全连接层", "3 'relu' ReLU  ReLU")
    assert "'特征输入', '全连接'" in text
    assert "English" in text


@pytest.mark.parametrize("dots", ["...", "…", " ..."])
def test_a_line_that_is_cut_off_is_no_shorter_one(tmp_path, dots):
    assert "Paste the whole line" in refusal(tmp_path, IMAGE + dots, "2 'relu' ReLU ReLU")


def test_what_a_list_shows_too_little_of(tmp_path):
    graph = read(tmp_path, IMAGE, "2 'gn' Group Normalization  Group normalization")
    assert "shows no more of it than 'Group normalization'" in graph.nodes[0]["reason"]
    graph = read(tmp_path, IMAGE, "2 'scale' Scaling  Scaling", "3 'loss' Regression Output  a loss of our own")
    assert "shows no more of it than 'Scaling'" in graph.nodes[0]["reason"]
    graph = read(tmp_path, IMAGE, "2 'words' Word Embedding Layer  word embedding of 3 words")
    assert "shows no more of it than 'word embedding of 3 words'" in graph.nodes[0]["reason"]
    name, reason = min(REASONS.items())
    kind = name.rpartition(".")[2].removesuffix("Layer")
    assert read(tmp_path, IMAGE, f"2 'odd' {kind}  words of its own").nodes[0]["reason"] == reason


def test_types_of_other_toolboxes_become_placeholders(tmp_path):
    graph = read(tmp_path, IMAGE, "2 'mine'   My Own Layer   does a thing")
    assert [(node.op_type, node.domain) for node in graph.nodes] == [("My Own Layer", "matlab")]
    assert (graph.layers[1].type, graph.layers[1].description) == ("My Own Layer", "does a thing")


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_the_code_tells_what_the_list_left_open(tmp_path, target):
    path = tmp_path / "net.txt"
    path.write_text("\n".join([*PLAIN, "4 'bn' Batch Normalization  Batch normalization with 6 channels"]))
    converter.convert(path, target, tmp_path / "out", verify=False)
    code = " ".join((tmp_path / "out" / "model.py").read_text().split())
    assert "Note: A printed list does not show connections" in code
    assert "'bn': taken as Epsilon 1e-05, the default" in code
    assert "freshly initialised" in code


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
        ("08_tiny_yolov2_33", 33, (425, 13, 13)),
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
        ("11_squeezenet_tail_10", ["no input layer", "'fire9-concat'", "net.Connections"]),
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
