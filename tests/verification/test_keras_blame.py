"""Slips of a hand in Keras code: the layer, its line, and the cause where it is recognised."""

from __future__ import annotations

import pytest

import converter
from tests.sabotage.networks import Net

ONCE = {"seeds": (0,), "batch_sizes": (1,)}


def image(net: Net) -> None:
    x = net.input("image", "batch", 2, 6, 5)
    x = net("Elu", "elu", net.conv("conv", x, (2, 4), pads=[0, 0, 1, 1]), alpha=1.0)
    x = net("MaxPool", "pool", net.conv("conv2", x, (4, 4)), kernel_shape=[1, 1])
    x = net.linear("fc", net("Flatten", "flatten", x), (24, 4))
    net("Sigmoid", "score", x)
    net.output("score", "batch", 4)


def twins(net: Net) -> None:
    x, other = net.input("x", "batch", "steps", 4), net.input("y", "batch", "steps", 4)
    first, second = net.product("one", x, (4, 4)), net.product("two", other, (4, 4))
    x = net("Softmax", "weights", net("Mul", "both", net("Tanh", "first", first), net("Tanh", "second", second)), axis=1)
    net("Add", "sum", x, "first")
    net.output("sum", "batch", "steps", 4)


EDITS = [
    (image, "ops.elu(x)", "ops.elu(2 * x)", "elu", ""),
    (image, "ZeroPadding2D(((0, 1), (0, 1)))", "ZeroPadding2D(((0, 1), (1, 0)))", "conv", "as if the padding"),
    (image, '(name="flatten")(x)', '(name="flatten")(ops.transpose(x, (0, 3, 1, 2)))', "flatten", "[1 2 3]"),
    (image, ', activation="sigmoid"', "", "score", "left out"),
    (image, "Dense(4,", "Dense(5,", "fc", "has the shape"),
    (image, '3, name="conv2"', '3, use_bias=False, name="conv2"', "conv2", "is missing"),
    (image, '3, name="conv2"', '3, groups=3, name="conv2"', "conv2", "there the code ends with ValueError"),
    (twins, "axis=1)", "axis=0)", "weights", "axis"),
    (twins, "ops.tanh(two_add)", "ops.tanh(one_add)", "second", "as if it read the result of 'one' instead"),
]  # fmt: skip


@pytest.mark.parametrize(("network", "old", "new", "layer", "cause"), EDITS, ids=[new for _, _, new, _, _ in EDITS])
def test_an_edited_line_is_blamed_on_its_layer(network, old, new, layer, cause, tmp_path):
    report, line = edited(network, tmp_path, old, new)
    blamed = report.layers[report.blame.layer]
    assert blamed.name == layer
    assert cause in report.blame.cause
    assert line in (blamed.line, blamed.constructor)


def test_weights_that_the_code_takes_in_another_order_are_not_to_blame(tmp_path):
    """Keras finds weights by the order of the layers, which a changed expression can change."""
    report, _ = edited(twins, tmp_path, "ops.tanh(two_add)", "ops.tanh(ops.tanh(two_add))")
    assert "does not hold the numbers" in report.findings[0]
    assert report.layers[report.blame.layer].name in ("second", "both")


def test_random_numbers_that_no_answer_shows(tmp_path):
    """A generator that the model does not know of is asked for them as the model runs."""
    report, _ = edited(twins, tmp_path, "ops.tanh(two_add)", "layers.Dropout(1e-9)(ops.tanh(two_add), training=True)")
    assert any("random numbers of Keras" in finding for finding in report.findings)


def test_the_line_of_a_functional_model_that_fails_as_it_runs(tmp_path):
    report, line = edited(twins, tmp_path, "axis=1)", "axis=1)[:, 8]")
    assert "did not run" in report.findings[0]
    assert report.layers[report.blame.layer].line == line


def edited(network, folder, old, new):
    """The report of the code with a text changed, and the line of it."""
    net = Net(3)
    network(net)
    conversion = converter.convert(net.save(folder / "net.onnx"), to="keras", out=folder / "out", verify=False)
    path = conversion.folder / "model.py"
    text = path.read_text()
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new))
    report = conversion.verify(**ONCE)
    assert not report.ok
    return report, text[: text.index(old)].count("\n") + 1
