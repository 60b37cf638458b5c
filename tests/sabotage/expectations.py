"""What no input shows, and what verification does not find yet; each by name, with the reason."""

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
    ("unstable order", "heads"): "so few numbers are sorted by insertion, which is stable",
}
"""(fault, network or * for any): why no input can show it."""

OPEN: dict[tuple[str, str], str] = {
    ("rectifier that ends at six", "dense"): "no question of the verification brings a number beyond 6",
    ("relu6", "dense"): "no question of the verification brings a number beyond 6",
    ("lower bound", "heads"): "below -1, and chosen, and among the two best of six: too rare for the questions",
    ("equal counted too", "heads"): "no two numbers of the questions are equal",
    ("equal counts as less", "heads"): "no two numbers of the questions are equal",
    ("halves rounded up", "heads"): "no number of the questions is a half",
    ("half away from zero", "heads"): "no number of the questions is a half",
    ("int32 inside", "heads"): "no whole number of the questions is large",
    ("whole numbers of 32 bits", "heads"): "no whole number of the questions is large",
    ("epsilon forgotten", "decoder"): "shows in numbers below a hundredth, which no question has",
    ("weights rounded to float16", "quantised"): "in the graph that was read; no sum of the questions lies so near a border",
    ("float16 inside", "quantised"): "no sum of the questions lies so near the border of two integers",
}
"""(fault, network or * for any): why verification misses it, though some input shows it."""


def reason(table: dict[tuple[str, str], str], fault: str, network: str) -> str:
    """The reason that the table gives, empty where it gives none."""
    return table.get((fault, network)) or table.get((fault, "*"), "")
