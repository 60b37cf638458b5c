"""The words MATLAB uses for a layer in its own listing (``net.Layers``), in the form of R2022b and later."""

from __future__ import annotations

from collections.abc import Sequence

from converter.readers.matlab.properties import Properties, sizes


def vector(numbers: Sequence[int]) -> str:
    """A row vector as MATLAB prints it: [2  2  2  2]."""
    return f"[{_row(numbers)}]"


def _row(numbers: Sequence[int]) -> str:
    return "  ".join(str(number) for number in numbers)


def sides(p: Properties, word: str) -> str:
    """What a layer adds (word 'Padding') or cuts off (word 'Cropping') on each side."""
    if (mode := p.text(f"{word}Mode", "manual")) != "manual":
        return f"{word.lower()} '{mode}'"
    size = p.array(f"{word}Size")
    rows = size if min(size.shape) > 1 else size.reshape(1, -1)
    return f"{word.lower()} [{'; '.join(_row(row.astype(int)) for row in rows)}]"


def window(p: Properties, word: str = "Padding") -> str:
    dilation = p.integers("DilationFactor", default=(1,))
    dilated = f", dilation factor {vector(dilation)}" if set(dilation) != {1} else ""
    return f"with stride {vector(p.integers('Stride'))}{dilated} and {sides(p, word)}"


def filters(p: Properties, channels: str) -> str:
    """Filter size and, where known, the channels each filter reads: 5×5×48."""
    return sizes([*p.integers("FilterSize"), *(p.integers(channels)[:1] if p.known(channels) else ())])


def convolution(p: Properties) -> str:
    return f"{sum(p.integers('NumFilters'))} {filters(p, 'NumChannels')} convolutions {window(p)}"


def grouped_convolution(p: Properties) -> str:
    kernel, each = filters(p, "NumChannelsPerGroup"), p.integer("NumFiltersPerGroup")
    return f"{p.integer('NumGroups')} groups of {each} {kernel} convolutions {window(p)}"


def transposed_convolution(p: Properties) -> str:
    return f"{p.integer('NumFilters')} {filters(p, 'NumChannels')} transposed convolutions {window(p, 'Cropping')}"


def pooling(kind: str):
    return lambda p: f"{sizes(p.integers('PoolSize'))} {kind} pooling {window(p)}"


def images(p: Properties) -> str:
    mode = p.text("Normalization", "none")
    return f"{sizes(p.integers('InputSize'))} images" + (f" with '{mode}' normalization" if mode != "none" else "")


def features(p: Properties) -> str:
    mode = p.text("Normalization", "none")
    return f"{p.integer('InputSize')} features" + (f" with '{mode}' normalization" if mode != "none" else "")


def sequences(p: Properties) -> str:
    mode = p.text("Normalization", "none")
    text = f"Sequence input with {sizes(p.integers('InputSize'))} dimensions"
    return text + (f" with '{mode}' normalization" if mode != "none" else "")


def formatted(p: Properties) -> str:
    size = sizes([f"{number:g}" for number in p.array("InputSize").reshape(-1).tolist()])
    return f"{size} data" + (f" of format '{p.text('InputFormat')}'" if "InputFormat" in p else "")


def batch_normalization(p: Properties) -> str:
    return "Batch normalization" + (f" with {p.integer('NumChannels')} channels" if p.known("NumChannels") else "")


def inputs(kind: str):
    return lambda p: f"{kind} of {p.integer('NumInputs', 2)} inputs"


def concatenation(p: Properties) -> str:
    return f"{inputs('Concatenation')(p)} along dimension {p.integer('Dim')}"


def classes(p: Properties) -> list[str]:
    """The class names of an output layer, empty where it holds none ('auto')."""
    names = p.texts("Classes" if "Classes" in p else "ClassNames", [])
    return [] if names == ["auto"] else names


def classification(p: Properties) -> str:
    names = classes(p)
    if not names:
        return "crossentropyex"
    if len(names) == 1:
        return f"crossentropyex with class '{names[0]}'"
    if len(names) == 2:
        return f"crossentropyex with classes '{names[0]}' and '{names[1]}'"
    return f"crossentropyex with '{names[0]}' and {len(names) - 1} other classes"
