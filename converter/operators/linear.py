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
        return _dense(n, lambda w, b: Layer("nn.Linear", *w.shape, bias=b is not None, weights={"weight": _t(w), "bias": b}))

    def keras(n):
        return _dense(
            n, lambda w, b: Layer("layers.Dense", w.shape[1], use_bias=b is not None, weights={"kernel": w, "bias": b})
        )


def _is_layer(w):
    """Whether a factor is a matrix of weights, and none without columns (Keras has no layer of 0 units)."""
    return w is not None and len(w.shape) == 2 and w.size > 0


def _turned(n, name, turn):
    """The matrix, transposed where the node says so."""
    matrix = getattr(n, name)
    return matrix if not turn else n.expr("ops.transpose(x)" if n.framework == "keras" else "x.T", x=matrix)


def _t(weight):
    return weight.transpose(1, 0)


def _dense(n, layer):
    w, b = n.weight("B"), n.weight("C")
    vector = b is not None and (b.size == 1 or b.shape[-1] == b.size == n.node.output.shape[1])
    if not _is_layer(w) or n.transA or (n.C is not None and not vector):
        a = _turned(n, "A", n.transA)
        product = n.expr("a @ b", a=a, b=_turned(n, "B", n.transB))
        product = product if n.alpha == 1 else n.expr("alpha * product", product=product)
        addend = n.C if n.beta == 1 or n.C is None else n.expr("beta * C")
        return product if n.C is None else keras_sum(n, product, addend, n.node.output.shape, n.C.shape)
    w = n.rows(_scaled(_t(w) if n.transB else w, n.alpha))
    return layer(w, None if b is None else _scaled(_vector(b, w.shape[1]), n.beta))(n.A)


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
        if not _is_layer(w):
            return n.expr("A @ B")
        return Layer("nn.Linear", *w.shape, bias=False, weights={"weight": _t(w)})(n.A)

    def keras(n):
        w = n.weight("B")
        if not _is_layer(w):
            return n.expr("A @ B")
        return Layer("layers.Dense", w.shape[1], use_bias=False, weights={"kernel": n.rows(w)})(n.A)


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
        return Layer("nn.Linear", *n.B.shape, weights={"weight": _t(n.B.weight), "bias": n.C.weight})(n.A)

    def keras(n):
        return Layer("layers.Dense", n.B.shape[1], weights={"kernel": n.rows(n.B.weight), "bias": n.C.weight})(n.A)
