"""Random numbers. Each target draws its own, from the distribution the source names, whatever the seed: no framework's seed
gives another's numbers."""

from __future__ import annotations

import onnx.helper

from converter.emitters.layout import same
from converter.emitters.vocabulary import Layer, Template
from converter.operators.registry import operator

_OWN = "the framework's own random numbers, whatever the seed"


def _dtype(n) -> str:
    number = n.node["dtype"]
    return onnx.helper.tensor_dtype_to_np_dtype(number).name if number else n.first.dtype.name


def _moved(n, numbers: Template | Layer):
    """Standard numbers brought to the place and width of the node's own distribution."""
    place, width = (n.mean, n.scale) if "mean" in n.node.attributes else (n.low, n.high - n.low)
    text = ("width * numbers" if width != 1 else "numbers") + (" + place" if place else "")
    return n.expr(text, width=width, place=place, numbers=numbers)


def _distribution(kind: str, torch: str) -> None:
    @operator(f"Random{kind}")
    class Free:
        restrictions = _OWN

        def pytorch(n):
            return _moved(n, n.expr(f"torch.{torch}(shape, dtype=torch.{_dtype(n)})"))

        def keras(n):  # in a functional model it would be drawn once
            return _moved(n, n.eager(f"keras.random.{kind.lower()}(shape, dtype=dtype)", dtype=_dtype(n)))

    @operator(f"Random{kind}Like")
    class Like:
        layout = same
        restrictions = _OWN

        def pytorch(n):
            return _moved(n, n.expr(f"torch.{torch}_like(input, dtype=torch.{_dtype(n)})"))

        def keras(n):
            return _moved(n, Layer("Random", kind.lower(), dtype=_dtype(n))(n.input))


_distribution("Normal", "randn")
_distribution("Uniform", "rand")


@operator("Bernoulli")
class Bernoulli:
    layout = same
    restrictions = _OWN

    def pytorch(n):
        text = "torch.bernoulli(input)"
        return n.expr(text if _dtype(n) == n.input.dtype else f"{text}.to(torch.{_dtype(n)})")

    def keras(n):
        numbers = Layer("Random", "uniform", dtype=n.input.dtype.name)(n.input)
        return n.expr("ops.cast(numbers < input, dtype)", numbers=numbers, dtype=_dtype(n))


@operator("Multinomial")
class Multinomial:
    """Draws classes by their logarithmic odds."""

    restrictions = _OWN

    def pytorch(n):
        text = "torch.multinomial(torch.softmax(input, 1), sample_size, replacement=True)"
        return n.expr(text if _dtype(n) == "int64" else f"{text}.to(torch.{_dtype(n)})")

    def keras(n):
        return Layer("Random", "categorical", num_samples=n.sample_size, dtype=_dtype(n))(n.input)
