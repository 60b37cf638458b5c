"""Matrix products."""

from __future__ import annotations

from converter import functions
from converter.emitters.layout import flat_reader
from converter.emitters.vocabulary import Layer
from converter.operators.registry import like_first, operator
from converter.operators.sums import keras_sum


@operator("Gemm")
class Gemm:
    """alpha * A @ B + beta * C. A layer where B is a weight: PyTorch (out, in), Keras (in, out)."""

    layout = flat_reader

    def pytorch(n):
        return _dense(n, _linear)

    def keras(n):
        return _dense(n, _dense_layer)


def _linear(n, w, b):
    """A layer, or the product itself where the source has it in a class of its own that holds the matrix as it stands."""
    if n.is_kept(w) and (b is None or n.weight("C").origin is b):
        return n.expr("A @ B") if b is None else n.expr("A @ B + C")
    return Layer("nn.Linear", *w.shape, bias=b is not None, weights={"weight": w.transpose(1, 0), "bias": b})(n.A)


def _dense_layer(n, w, b):
    return Layer("layers.Dense", w.shape[1], use_bias=b is not None, weights={"kernel": w, "bias": b})(n.A)


def _is_layer(w):
    """Whether a factor is a matrix of weights, and none without columns (Keras has no layer of 0 units)."""
    return w is not None and len(w.shape) == 2 and w.size > 0


def _turned(n, name, turn):
    """The matrix, transposed where the node says so."""
    matrix = getattr(n, name)
    return matrix if not turn else n.expr("ops.transpose(x)" if n.framework == "keras" else "x.T", x=matrix)


def _dense(n, layer):
    w, b = n.weight("B"), n.weight("C")
    vector = b is not None and (b.size == 1 or b.shape[-1] == b.size == n.node.output.shape[1])
    if not _is_layer(w) or n.transA or (n.C is not None and not vector):
        a = _turned(n, "A", n.transA)
        product = n.expr("a @ b", a=a, b=_turned(n, "B", n.transB))
        product = product if n.alpha == 1 else n.expr("alpha * product", product=product)
        addend = n.C if n.beta == 1 or n.C is None else n.expr("beta * C")
        return product if n.C is None else keras_sum(n, product, addend, n.node.output.shape, n.C.shape)
    w = n.rows(_scaled(w.transpose(1, 0) if n.transB else w, n.alpha))
    return layer(n, w, None if b is None else _scaled(_vector(b, w.shape[1]), n.beta))


def _scaled(weight, factor):
    return weight if factor == 1 else weight.map(lambda array: (array * factor).astype(array.dtype), weight.shape)


def _vector(bias, size):
    return bias.reshape(size) if bias.size == size else bias.map(lambda array: array.reshape(1).repeat(size), (size,))


@operator("MatMul")
class MatMul:
    """A layer without bias where the second factor is a matrix of weights."""

    layout = flat_reader

    def pytorch(n):
        w = n.weight("B")
        return _linear(n, w, None) if _is_layer(w) else n.expr("A @ B")

    def keras(n):
        w = n.weight("B")
        return _dense_layer(n, n.rows(w), None) if _is_layer(w) else n.expr("A @ B")


@operator("Einsum")
class Einsum:
    def pytorch(n):
        return n.expr("torch.einsum(equation, *inputs)", inputs=n.Inputs)

    def keras(n):
        return n.expr("ops.einsum(equation, *inputs)", inputs=n.Inputs, equation=n.equation.replace(" ", ""))


@operator("Det")
class Det:
    def pytorch(n):
        return n.expr("torch.linalg.det(X)")

    def keras(n):
        return n.expr("ops.det(X)")


@operator("Inverse", domain="com.microsoft")
class Inverse:
    """The inverse matrix, for which the standard has no operator."""

    infer = like_first

    def pytorch(n):
        return n.expr("torch.linalg.inv(x)", x=n.first)

    def keras(n):
        return n.expr("ops.inv(x)", x=n.first)


@operator("Linear", functions.DOMAIN)
class Linear:
    """A @ B + C over the last axis, for A of any rank."""

    layout = flat_reader

    def pytorch(n):
        return _linear(n, n.weight("B"), n.weight("C"))

    def keras(n):
        return _dense_layer(n, n.rows(n.weight("B")), n.weight("C"))
