"""What becomes of each built-in layer: the last table of ``specs/matlab.md``, written anew with ``UPDATE_GOLDEN=1``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from layer_table import layer

import converter
from converter.readers.matlab.layers import ROOMS
from converter.readers.matlab.layers.refused import REASONS
from converter.readers.matlab.table import BUILT_IN

SPEC = Path(__file__).parents[2] / "specs" / "matlab.md"
TITLE = "## Every built-in layer, and known ones of other packages\n"
DROPPED = {"DropoutLayer", "SpatialDropoutLayer", "IdentityLayer", "nnet.onnx.layer.IdentityLayer"}


def rows():
    """Those of the toolbox under their short names, then those of other packages under their whole name."""
    known = (
        name for name in {*ROOMS, *REASONS} if name.startswith(("nnet.", "rl."))
    )  # the others stand for parts of old formats
    for name in sorted(known, key=lambda name: (not name.startswith(BUILT_IN), name)):
        short = name.removeprefix(BUILT_IN)
        if name in REASONS:
            yield f"| {short} | refused: {REASONS[name]} |"
        else:
            yield f"| {short} | {'dropped at inference' if ROOMS[name].output_layer or short in DROPPED else 'converted'} |"


def test_the_specification_tells_what_becomes_of_each_layer():
    text = "\n".join(["", "| layer of `nnet.cnn.layer` | |", "|---|---|", *rows(), ""])
    before, _, after = SPEC.read_text(encoding="utf-8").partition(TITLE)
    if os.environ.get("UPDATE_GOLDEN"):
        SPEC.write_text(before + TITLE + text, encoding="utf-8")
        after = text
    assert after == text


def test_a_layer_is_converted_or_refused():
    assert not {*ROOMS} & {*REASONS}


@pytest.mark.parametrize("name", ["SinusoidalPositionEncodingLayer", "FunctionLayer", "YOLOv2ReorgLayer"])
def test_a_refusal_gives_its_reason(read, tmp_path, name):
    image = layer("image", "ImageInputLayer", InputSize=[4, 4, 2], Normalization="none")
    read(image, layer("odd", name))
    with pytest.raises(converter.ConversionError) as caught:
        converter.convert(tmp_path / "table.mat", "pytorch", tmp_path / "out")
    assert "'odd'" in str(caught.value)
    assert REASONS[BUILT_IN + name] in str(caught.value)


def test_notes_of_a_layer_that_is_refused_are_not_told(read):
    graph = read(
        layer("in", "SequenceInputLayer", InputSize=[3], Normalization="none"),
        layer("rnn", "BiLSTMLayer", NumHiddenUnits=[4], OutputMode="last", HiddenState=[1, 2]),
    )
    assert graph.nodes[0].domain
    assert not any("each direction" in note for note in graph.notes)
