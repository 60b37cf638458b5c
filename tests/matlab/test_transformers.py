"""Layers of transformers, run by onnxruntime, against NumPy in MATLAB's order of axes: sequences are (channels, time)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
from layer_table import layer

import converter
from converter.emitters.onnx import to_model
from converter.graph import MATLAB_DOMAIN

RANDOM = np.random.default_rng(17)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def run(graph, *inputs):
    """What the network makes of (channels, time) or (height, width, channels); one output in the same order, or all by name."""
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    feed = {v.name: (x.transpose(2, 0, 1) if x.ndim == 3 else x)[None] for v, x in zip(graph.inputs, inputs, strict=True)}
    answers = session.run(None, feed)
    return answers[0][0] if len(answers) == 1 else {v.name: a[0] for v, a in zip(graph.outputs, answers, strict=True)}


def sequence(channels, name="in"):
    return layer(name, "SequenceInputLayer", InputSize=[channels], Normalization="none")


def line(length, channels):
    """A 1-D image (length, channels), 'SCB' to MATLAB."""
    return layer("in", "InputLayer", InputSize=[length, channels, np.nan], InputFormat="SCB")


def attend(q, k, v, heads, scale=None, causal=False, seen=None):
    """Dot-product attention of (channels, steps), a column and a head at a time; also the weights [keys queries heads]."""
    weights, joined = np.zeros((k.shape[1], q.shape[1], heads)), []
    for head in range(heads):
        qh, kh, vh = (np.split(x, heads, axis=0)[head] for x in (q, k, v))
        columns = []
        for query in range(q.shape[1]):
            product = kh.T @ qh[:, query] * (scale or 1 / np.sqrt(len(kh)))
            hidden = np.arange(k.shape[1]) > query if causal else np.zeros(k.shape[1], bool)
            product[hidden | (np.zeros_like(hidden) if seen is None else seen == 0)] = -np.inf
            share = np.exp(product - product.max())
            weights[:, query, head] = share / share.sum()
            columns.append(vh @ weights[:, query, head])
        joined.append(np.stack(columns, axis=1))
    return np.concatenate(joined), weights


def self_attention(channels=6, heads=2, keys=8, values=10, outputs=5, name="sa", **properties):
    """A layer in which no two sizes are the same, and its arrays by name."""
    sizes = {"Query": (keys, channels), "Key": (keys, channels), "Value": (values, channels), "Output": (outputs, values)}
    arrays = {f"{word}Weights": normal(*size) for word, size in sizes.items()}
    arrays |= {f"{word}Bias": normal(size[0], 1) for word, size in sizes.items()}
    given = {"NumHeads": [heads], "NumKeyChannels": [keys], "NumValueChannels": [values], "OutputSize": [outputs]}
    return layer(name, "SelfAttentionLayer", **{**given, "InputSize": [channels], **arrays, **properties}), arrays


def projected(arrays, word, x):
    return arrays[f"{word}Weights"] @ x + arrays[f"{word}Bias"]


def expected_self_attention(arrays, x, heads, **options):
    joined, weights = attend(*(projected(arrays, word, x) for word in ("Query", "Key", "Value")), heads, **options)
    return projected(arrays, "Output", joined), weights


# Attention ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention(read, causal):
    item, arrays = self_attention(AttentionMask="causal" if causal else "none", DropoutProbability=[0.3])
    x = normal(6, 7)
    expected, _ = expected_self_attention(arrays, x, 2, causal=causal)
    np.testing.assert_allclose(run(read(sequence(6), item), x), expected, atol=1e-5)


def test_self_attention_over_the_places_of_an_image_of_one_axis(read):
    item, arrays = self_attention()
    x = normal(6, 7)
    np.testing.assert_allclose(run(read(line(7, 6), item), x), expected_self_attention(arrays, x, 2)[0], atol=1e-5)


def test_sizes_that_follow_the_input(read):
    """NumValueChannels 'auto' is NumKeyChannels, OutputSize 'auto' the input's channels; NumQueryChannels since R2026a."""
    item, arrays = self_attention(6, 2, 8, 8, 6, NumValueChannels="auto", OutputSize="auto", InputSize="auto",
                                  NumKeyChannels=[], NumQueryChannels=[8], NumQueryGroups="num-heads")  # fmt: skip
    x = normal(6, 7)
    np.testing.assert_allclose(run(read(sequence(6), item), x), expected_self_attention(arrays, x, 2)[0], atol=1e-5)


def test_self_attention_without_weights_starts_fresh(read):
    nothing = {f"{word}{kind}": [] for word in ("Query", "Key", "Value", "Output") for kind in ("Weights", "Bias")}
    graph = read(sequence(6), self_attention(**nothing)[0])
    assert {value.weight.name: value.weight.shape for value in graph.weights() if value.weight.trainable} == {
        "sa.QueryWeights": (8, 6, 1), "sa.QueryBias": (8,), "sa.KeyWeights": (8, 6, 1), "sa.KeyBias": (8,),
        "sa.ValueWeights": (10, 6, 1), "sa.ValueBias": (10,), "sa.OutputWeights": (5, 10, 1), "sa.OutputBias": (5,),
    }  # fmt: skip


def test_padding_is_not_attended_to(read):
    item, arrays = self_attention(HasPaddingMaskInput=True)
    x, mask = normal(6, 7), np.float32([[1, 1, 0, 1, 1, 0, 0]])
    graph = read(sequence(6), sequence(1, "padding"), item, connections=[("padding", "sa/mask"), ("in", "sa/in")])
    expected, _ = expected_self_attention(arrays, x, 2, seen=mask[0])
    np.testing.assert_allclose(run(graph, x, mask), expected, atol=1e-5)


def test_a_causal_layer_does_not_attend_to_padding_either(read):
    item, arrays = self_attention(HasPaddingMaskInput=True, AttentionMask="causal")
    x, mask = normal(6, 7), np.float32([[1, 1, 0, 1, 1, 0, 0]])
    graph = read(sequence(6), sequence(1, "padding"), item, connections=[("padding", "sa/mask"), ("in", "sa/in")])
    expected, _ = expected_self_attention(arrays, x, 2, seen=mask[0], causal=True)
    np.testing.assert_allclose(run(graph, x, mask), expected, atol=1e-5)


def test_scores_are_keys_by_queries_for_each_head(read):
    item, arrays = self_attention(HasScoresOutput=True, AttentionMask="causal")
    x = normal(6, 7)
    graph = read(sequence(6), item, connections=[("in", "sa")], output_names=np.array(["sa/out", "sa/scores"], object))
    expected, weights = expected_self_attention(arrays, x, 2, causal=True)
    out, scores = (run(graph, x)[value.name] for value in graph.outputs)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    np.testing.assert_allclose(scores.transpose(1, 2, 0), weights, atol=1e-6)


@pytest.mark.parametrize(("scale", "number"), [("auto", None), ([0.7], 0.7)])
def test_attention_of_queries_keys_and_values(read, scale, number):
    """In whatever order the connections stand, each at its port; queries may be another sequence than the keys."""
    q, k, v = normal(8, 7), normal(8, 7), normal(10, 7)
    inputs = [sequence(8, "q"), sequence(8, "k"), sequence(10, "v")]
    item = layer("attention", "AttentionLayer", NumHeads=[2], Scale=scale, AttentionMask="none")
    connections = [("v", "attention/value"), ("q", "attention/query"), ("k", "attention/key")]
    graph = read(*inputs, item, connections=connections)
    np.testing.assert_allclose(run(graph, q, k, v), attend(q, k, v, 2, number)[0], atol=1e-5)


def test_queries_of_another_length_than_the_keys(read):
    q, k, v = normal(8, 5), normal(8, 7), normal(10, 7)
    inputs = [layer(name, "InputLayer", InputSize=[x.shape[1], len(x), np.nan], InputFormat="SCB")
              for name, x in (("q", q), ("k", k), ("v", v))]  # fmt: skip
    item = layer("attention", "AttentionLayer", NumHeads=[2], Scale="auto", AttentionMask="causal")
    graph = read(*inputs, item, connections=[(name, f"attention/{port}") for name, port in zip("qkv", _PORTS, strict=True)])
    np.testing.assert_allclose(run(graph, q, k, v), attend(q, k, v, 2, causal=True)[0], atol=1e-5)


_PORTS = ("query", "key", "value")


def test_attention_says_which_input_is_missing(read):
    item = layer("attention", "AttentionLayer", NumHeads=[2], Scale="auto")
    with pytest.raises(converter.ReadError, match="has 3 inputs, of which 2 are connected"):
        read(sequence(8), item, connections=[("in", "attention/query"), ("in", "attention/key")])


def test_heads_must_divide_the_channels(read):
    with pytest.raises(converter.ReadError, match="3 heads, which do not divide the 8 query channels"):
        read(sequence(6), self_attention(heads=3)[0])


def test_arrays_of_another_size_are_named(read):
    with pytest.raises(converter.ReadError, match="ValueWeights is 4×6; expected 10×6"):
        read(sequence(6), self_attention(ValueWeights=normal(4, 6))[0])


@pytest.mark.parametrize(
    ("properties", "reason"), [({"NumQueryGroups": [1]}, "NumQueryGroups"), ({"HasPaddingMaskInput": True}, "padding mask")]
)
def test_attention_that_is_refused(read, properties, reason):
    masked = [("in", "sa/mask")] if "HasPaddingMaskInput" in properties else []  # six channels, not one
    graph = read(sequence(6), self_attention(**properties)[0], connections=[("in", "sa/in" if masked else "sa"), *masked])
    assert graph.nodes[0].domain == MATLAB_DOMAIN
    assert reason in graph.nodes[0]["reason"]


# Embeddings -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["column-major", "row-major"])
def test_patches_stand_in_the_order_of_their_mode(read, mode):
    weights, bias, x = normal(2, 3, 4, 5), normal(1, 1, 5), normal(6, 12, 4)
    item = layer("patch", "PatchEmbeddingLayer", PatchSize=[2, 3], OutputSize=[5], InputSize=[4], SpatialFlattenMode=mode,
                 Weights=weights, Bias=bias)  # fmt: skip
    image = layer("in", "ImageInputLayer", InputSize=[6, 12, 4], Normalization="none")
    places = [(row, column) for column in range(4) for row in range(3)]
    places = places if mode == "column-major" else sorted(places)
    patches = [x[2 * row : 2 * row + 2, 3 * column : 3 * column + 3] for row, column in places]
    expected = np.stack([np.einsum("hwc,hwcn->n", patch, weights) for patch in patches], axis=1) + bias.reshape(5, 1)
    graph = read(image, item)
    np.testing.assert_allclose(run(graph, x), expected, atol=1e-4)
    assert graph.outputs[0].shape == ("batch", 5, 12)


def test_patches_must_cover_the_image(read):
    item = layer("patch", "PatchEmbeddingLayer", PatchSize=[4, 4], OutputSize=[5])
    image = layer("in", "ImageInputLayer", InputSize=[8, 10, 3], Normalization="none")
    with pytest.raises(converter.ReadError, match="patches of 4×4 do not cover the image of 8×10"):
        read(image, item)


@pytest.mark.parametrize("start", [line(7, 3), sequence(3)], ids=["line", "sequence"])
def test_the_class_token_stands_in_front(read, start):
    vector, x = normal(3, 1), normal(3, 7)
    graph = read(start, layer("token", "EmbeddingConcatenationLayer", Weights=vector))
    np.testing.assert_array_equal(run(graph, x), np.concatenate([vector, x], axis=1))


@pytest.mark.parametrize("start", [line(7, 3), sequence(3)], ids=["line", "sequence"])
def test_positions_are_embedded_whatever_is_there(read, start):
    weights, x = normal(4, 9), normal(3, 7)
    item = layer("position", "PositionEmbeddingLayer", OutputSize=[4], MaxPosition=[9], Weights=weights)
    graph = read(start, item)
    np.testing.assert_array_equal(run(graph, x), weights[:, :7])
    assert graph.outputs[0].shape == ("batch", 4, graph.inputs[0].shape[2])


def test_more_places_than_positions(read):
    with pytest.raises(converter.ReadError, match="vectors for 5 positions, but 7 arrive"):
        read(line(7, 3), layer("position", "PositionEmbeddingLayer", OutputSize=[3], MaxPosition=[5]))


@pytest.mark.parametrize(("index", "place"), [("first", 0), ("last", -1)])
@pytest.mark.parametrize("start", [line(7, 3), sequence(3)], ids=["line", "sequence"])
def test_one_step_is_a_vector(read, start, index, place):
    x, weights = normal(3, 7), normal(2, 3)
    dense = layer("fc", "FullyConnectedLayer", OutputSize=[2], Weights=weights)
    graph = read(start, layer("index", "Indexing1DLayer", Index=index), dense)
    np.testing.assert_allclose(run(graph, x), weights @ x[:, place], atol=1e-5)


def word_embedding(columns, **properties):
    weights = normal(3, columns)
    given = {"Dimension": [3], "NumWords": [5], "Weights": weights} | properties
    return layer("words", "WordEmbeddingLayer", **given), weights


@pytest.mark.parametrize("mode", [{}, {"OOVMode": "map-to-last"}])
def test_words_count_from_one_and_unknown_ones_are_the_last(read, mode):
    item, weights = word_embedding(6, **mode)
    numbers = np.float32([[1, 5, 0, 6, 3, np.nan, 100, -1]])
    np.testing.assert_array_equal(run(read(sequence(1), item), numbers), weights[:, [0, 4, 5, 5, 2, 5, 5, 5]])


def test_words_without_unknown_ones(read):
    item, weights = word_embedding(5, OOVMode="error")
    graph = read(sequence(1), item)
    np.testing.assert_array_equal(run(graph, np.float32([[1, 5, 3]])), weights[:, [0, 4, 2]])
    assert any("1 to 5" in note for note in graph.notes)


def test_a_vector_for_unknown_words_is_not_invented(read):
    graph = read(sequence(1), word_embedding(5)[0])
    assert "unknown words" in graph.nodes[0]["reason"]


# Around them ----------------------------------------------------------------------------------------------------------------


def test_layer_normalization_of_each_token(read):
    scale, offset, x = normal(3, 1), normal(3, 1), normal(3, 7)
    arrays = {"Scale": scale, "Offset": offset}
    item = layer("norm", "LayerNormalizationLayer", NumChannels=[3], Epsilon=[1e-6], OperationDimension="auto", **arrays)
    graph = read(line(7, 3), item)
    expected = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-6) * scale + offset
    np.testing.assert_allclose(run(graph, x), expected, atol=1e-4)
    assert any("one spatial axis" in note for note in graph.notes)


@pytest.mark.parametrize(
    ("size", "letters", "shape"),
    [
        ([3, np.nan], "CB", ("batch", 3)),
        ([3], "C", ("batch", 3)),
        ([8, 3, 5, np.nan], "SSCB", ("batch", 5, 8, 3)),
        ([3, 8, 5, np.nan], "CSSB", ("batch", 3, 8, 5)),
        ([3, np.nan, np.nan], "CBT", ("batch", 3, "time")),
        ([3, 20], "CT", ("batch", 3, "time")),
        ([3, 20, 1], "CTB", ("batch", 3, "time")),
        ([7, 3, np.nan], "SCB", ("batch", 3, 7)),
        ([8, 5, 3, np.nan, np.nan], "SSCBT", ("batch", "time", 3, 8, 5)),
    ],
)
def test_an_input_of_any_format(read, size, letters, shape):
    graph = read(layer("in", "InputLayer", InputSize=size, InputFormat=letters), layer("relu", "ReLULayer"))
    assert graph.inputs[0].shape == shape


@pytest.mark.parametrize(
    ("size", "letters", "reason"),
    [
        ([3, 4], "", "what each axis is"),
        ([3, 4], "CU", "what each axis is"),
        ([np.nan, np.nan, 3, np.nan], "SSCB", "open"),
        ([8, np.nan], "SB", "no channels"),
    ],
)
def test_an_input_that_is_refused(read, size, letters, reason):
    graph = read(layer("in", "InputLayer", InputSize=size, InputFormat=letters), layer("relu", "ReLULayer"))
    assert reason in graph.nodes[0]["reason"]


def test_an_input_whose_letters_do_not_fit(read):
    with pytest.raises(converter.ReadError, match="letters S, C, B and T for 2 sizes"):
        read(layer("in", "InputLayer", InputSize=[3, 4], InputFormat="SSCB"))


# Whole networks -------------------------------------------------------------------------------------------------------------


def normalization(name, channels):
    return layer(name, "LayerNormalizationLayer", NumChannels=[channels], Epsilon=[1e-6], Scale=normal(channels, 1),
                 Offset=normal(channels, 1), OperationDimension="auto")  # fmt: skip


def pointwise(name, inputs, filters):
    arrays = {"Weights": 0.3 * normal(1, inputs, filters), "Bias": normal(1, filters)}
    window = {"FilterSize": [1], "Stride": [1], "PaddingMode": "manual", "PaddingSize": [0, 0]}
    return layer(name, "Convolution1DLayer", NumChannels=[inputs], NumFilters=[filters], **window, **arrays)


def vision_transformer(channels=6, blocks=2):
    """The layers of MATLAB's ``visionTransformer`` as public repositories list them, small."""
    patch = {"PatchSize": [4, 4], "InputSize": [3], "SpatialFlattenMode": "row-major"}
    layers = [
        layer("imageinput", "ImageInputLayer", InputSize=[8, 12, 3], Normalization="none"),
        layer("embedding", "PatchEmbeddingLayer", OutputSize=[channels], **patch,
              Weights=0.01 * normal(4, 4, 3, channels), Bias=normal(1, 1, channels)),
        layer("clsembed_concat", "EmbeddingConcatenationLayer", Weights=normal(channels, 1)),
        layer("posembed_input", "PositionEmbeddingLayer", OutputSize=[channels], MaxPosition=[7], PositionDimension="auto",
              Weights=normal(channels, 7)),
        layer("add", "AdditionLayer", NumInputs=[2]),
    ]  # fmt: skip
    connections = [("imageinput", "embedding"), ("embedding", "clsembed_concat"), ("clsembed_concat", "posembed_input"),
                   ("clsembed_concat", "add/in2"), ("posembed_input", "add/in1")]  # fmt: skip
    last = "add"
    for number in range(1, blocks + 1):
        block = f"encoderblock{number}"
        layers += [
            normalization(f"{block}_layernorm1", channels),
            self_attention(channels, values=8, outputs=channels, name=f"{block}_mha", DropoutProbability=[0.1])[0],
            layer(f"{block}_add1", "AdditionLayer", NumInputs=[2]),
            normalization(f"{block}_layernorm2", channels),
            pointwise(f"{block}_conv1d1", channels, 4 * channels),
            layer(f"{block}_gelu", "GELULayer", Approximation="tanh"),
            pointwise(f"{block}_conv1d2", 4 * channels, channels),
            layer(f"{block}_add2", "AdditionLayer", NumInputs=[2]),
        ]
        chain = ["layernorm1", "mha", "add1/in1", "layernorm2", "conv1d1", "gelu", "conv1d2", "add2/in1"]
        names = [last, *(f"{block}_{name}" for name in chain)]
        connections += [(a.split("/")[0], b) for a, b in pairwise(names)]
        connections += [(last, f"{block}_add1/in2"), (f"{block}_add1", f"{block}_add2/in2")]
        last = f"{block}_add2"
    layers += [
        normalization("encoder_norm", channels),
        layer("cls_index", "Indexing1DLayer", Index="first"),
        layer("head", "FullyConnectedLayer", OutputSize=[5], Weights=normal(5, channels), Bias=normal(5, 1)),
        layer("softmax", "SoftmaxLayer"),
    ]
    names = [last, "encoder_norm", "cls_index", "head", "softmax"]
    return layers, [*connections, *pairwise(names)]


def text_transformer(channels=6):
    words = layer("words", "WordEmbeddingLayer", Dimension=[channels], NumWords=[20], Weights=normal(channels, 21))
    positions = {"OutputSize": [channels], "MaxPosition": [1000], "Weights": normal(channels, 1000)}
    layers = [
        sequence(1),
        words,
        layer("positions", "PositionEmbeddingLayer", **positions),
        layer("add", "AdditionLayer", NumInputs=[2]),
        self_attention(channels, outputs=channels, AttentionMask="causal")[0],
        layer("last", "Indexing1DLayer", Index="last"),
        layer("fc", "FullyConnectedLayer", OutputSize=[3], Weights=normal(3, channels), Bias=normal(3, 1)),
    ]
    names = ["in", "words", "add/in1", "sa", "last", "fc"]
    chain = [(a.split("/")[0], b) for a, b in pairwise(names)]
    return layers, [*chain, ("words", "positions"), ("positions", "add/in2")]


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("network", [vision_transformer, text_transformer])
def test_transformers_are_converted_and_equal(read, tmp_path, network, target):
    layers, connections = network()
    read(*layers, connections=connections)
    assert converter.convert(tmp_path / "table.mat", target, tmp_path / target).report.ok


def test_a_vision_transformer_reads_as_a_person_writes_it(read, tmp_path):
    """Keras: the framework's own attention, of tokens that are stored as it wants them; only the class token is turned once.

    Both blocks are one function.
    """
    layers, connections = vision_transformer()
    read(*layers, connections=connections)
    converter.convert(tmp_path / "table.mat", "keras", tmp_path / "keras", verify=False)
    code = (tmp_path / "keras" / "model.py").read_text()
    assert code.count("ops.dot_product_attention(") == 1
    assert code.count("ops.transpose(") == 1


def test_sizes_that_are_open_are_written_once(read, tmp_path):
    layers, connections = text_transformer()
    read(*layers, connections=connections)
    converter.convert(tmp_path / "table.mat", "pytorch", tmp_path / "pytorch", verify=False)
    code = (tmp_path / "pytorch" / "model.py").read_text()
    assert "F.scaled_dot_product_attention(" in code
    assert ".expand(" not in code
