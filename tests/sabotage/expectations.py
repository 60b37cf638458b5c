"""What no input shows, by name, with the reason."""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "momentum",
        "*",
    ): "how fast running statistics follow counts in training alone; tests/originals holds the argument by name",
    ("momentum forgotten", "*"): "as above",
    ("left in training mode", "*"): "the network has neither Dropout nor BatchNorm, or instances that keep no statistics",
    ("bias left out", "unet"): "a constant for each channel, which the InstanceNormalization behind takes away",
    ("sign of the bias", "unet"): "a constant for each channel, which the InstanceNormalization behind takes away",
    ("biases of input and state exchanged", "recurrent"): "only their sum counts in an LSTM and an RNN",
    ("operands exchanged", "heads"): "the absolute value of a difference",
    ("rectifier that ends at six", "mobile"): "it reads means of numbers that a Clip bounds, too small to reach 6",
    ("relu6", "mobile"): "it reads means of numbers that a Clip bounds, too small to reach 6",
    ("function left out", "quantised"): "the integers behind have zero point 0, which is a rectifier itself",
    ("rectifier that leaks", "quantised"): "the integers behind have zero point 0, which is a rectifier itself",
    ("rectifier that ends at six", "quantised"): "the integers behind end at 5.1",
    ("relu6", "quantised"): "the integers behind end at 5.1",
    ("input of another layer", "quantised"): "around the rectifier, which the integers behind make again",
    ("input of another layer", "matlab"): "around the Dropout, which does nothing at inference",
    ("softmax over the second axis", "*"): "scores have two axes, the second is the last",
    ("strings of convolutions in order", "dense"): "one group is the default",
    ("channels last flattened", "dense"): "an image of one pixel",
    ("channels last flattened", "quantised"): "an image of one pixel",
    ("antialias", "unet"): "an image that grows has nothing to be smoothed",
    ("pixel centres for nearest", "unet"): "at twice the size both formulas choose the same pixel",
    ("causal for the mask", "decoder"): "the mask is the causal one",
    ("largest number of the file changed by a thousandth", "decoder"): "minus 1e9 in a mask, of which only the size counts",
    ("an array of the file in float16", "decoder"): "minus 1e9 in a mask, of which only the size counts",
    ("constant changed by a hundredth", "transformer"): "minus 1e4 in a mask, of which only the size counts",
    ("axis of a concatenation", "heads"): "cells of two axes, the second is the last",
    ("axis of a concatenation", "loops"): "cells of two axes, the second is the last",
    ("axis of a concatenation", "recurrent"): "cells of two axes, the second is the last",
    ("float16 policy", "heads"): "it has no layers, which alone follow a policy",
    ("activation forgotten", "quantised"): "the integers behind have zero point 0, which is a rectifier itself",
    ("channels first flattened", "quantised"): "an image of one pixel",
    ("padding not counted", "matlab"): "the pooling pads nothing, F.pad before it does",
    ("padding counted otherwise", "exported-densenet"): "the pooling pads nothing",
    ("padding not counted", "exported-densenet"): "the pooling pads nothing",
    ("channels last flattened", "exported-densenet"): "an image of one pixel",
    ("channels first flattened", "exported-inception"): "an image of one pixel",
    ("channels first flattened", "exported-mobilenet"): "an image of one pixel",
    ("channels first flattened", "exported-resnet"): "an image of one pixel",
    ("max pooling padded with zeros", "exported-inception"): "it reads what a rectifier gives, which is no less than 0",
    ("max pooling padded with zeros", "exported-resnet"): "it reads what a rectifier gives, which is no less than 0",
    ("rectifier that ends at six", "exported-mobilenet"): "it reads means, which none of sixty inputs brings to 6",
    ("relu6", "exported-mobilenet"): "it reads means, which none of sixty inputs brings to 6",
    ("biases of input and state exchanged", "exported-lstm"): "only their sum counts in an LSTM",
    ("last axes exchanged", "exported-shuffle"): "height and width in front of the mean over both",
    ("last axes exchanged", "exported-convnext"): "height and width in front of the mean over both",
    ("axes off by one", "exported-swin"): "the mean over height and width, in either order",
    ("windows by their place in memory", "exported-swin"): "an image that is one window",
    ("function left out", "exported-tcn"): "it reads the sum of what rectifiers give",
    ("rectifier that leaks", "exported-tcn"): "it reads the sum of what rectifiers give",
    ("input of another layer", "exported-tcn"): "around a rectifier of the sum of what rectifiers give",
    ("smoothing of a smaller image", "resized"): "an image that grows: its weights are rounded otherwise, and nothing else",
    ("smoothing of a smaller image", "unet"): "an image that grows has nothing to be smoothed",
    **{
        (
            "order of a concatenation",
            name,
        ): "sizes of a Reshape or Expand, whose result has its shape in the graph, which passes read"
        for name in ("exported-bert", "exported-gpt", "exported-llama", "exported-vit")
    },
    **{
        (kind, "exported-gpt"): "the file holds the matrix of embedding and head under both names, the model keeps the second"
        for kind in (
            "an array of the file in float16",
            "an array of the file is zero",
            "an array of the file not a number",
            "largest number of the file changed by a thousandth",
            "one number of the file changed by a hundredth",
            "one number of the file is zero",
            "rows of the file off by one",
        )
    },
    ("unstable order", "heads"): "so few numbers are sorted by insertion, which is stable",
    (
        "wrong for two samples and for four",
        "exported-steps_both",
    ): "the first axis counts steps, and none of the inputs has two",
    ("wrong for two samples and for four", "exported-steps"): "the first axis counts steps, and none of the inputs has two",
    ("buffer for the first batch", "exported-steps_both"): "the first axis is fixed",
    ("buffer for the first batch", "exported-steps"): "the first axis is fixed",
    ("buffer for the first batch", "loops"): "the first axis of its first output is fixed",
    ("wrong beyond thirty-two steps", "*"): "its table of positions ends before",
    ("order of the memory taken for granted", "*"): "of two tokens, or one, that lie in order in any case",
    ("wrong for large numbers", "square"): "an exponential of such numbers overflows",
    ("axis of a concatenation", "columns"): "rows of two axes, the second is the last",
    ("wrong for large numbers", "columns"): "none of sixty inputs has numbers beyond 400 where none is missing",
    ("variance that cancels", "*"): "it reads sums that are centred already: nothing cancels",
    ("gelu cut off", "*"): "what reads a normalisation does not come to 100, and below -5 it gives 1e-6 at most",
    ("logarithm of a softmax", "dense"): "in Keras none of sixty inputs brings a score so far below another",
    ("softmax that overflows", "*"): "none of sixty inputs brings its scores to 88",
    ("sigmoid that overflows", "*"): "none of sixty inputs brings what it reads to 88",
    ("rectifier that ends at a thousand", "*"): "none of sixty inputs brings it there",
    ("rectifier that ends at what float16 holds", "*"): "none of sixty inputs brings it there",
    ("rectifier that drops small numbers", "quantised"): "a quantum behind it is larger",
    ("rectifier that drops small numbers", "exported-mobilenet"): "it reads means, few of which are so small",
}
"""(fault, network or * for any): why no input can show it."""


def reason(fault: str, network: str) -> str:
    """Why no input can show the fault in the network, empty where no reason is given."""
    return EQUIVALENT.get((fault, network)) or EQUIVALENT.get((fault, "*"), "")
