"""Operators that do what several standard ones do one after the other."""

from __future__ import annotations

from converter.graph import Value
from converter.readers.microsoft.lifting import Fused, RefusalError, lifted

_ACTIVATIONS = {
    "Relu": (),
    "Tanh": (),
    "Sigmoid": (),
    "Softplus": (),
    "Softsign": (),
    "LeakyRelu": ("alpha",),
    "ThresholdedRelu": ("alpha",),
    "Elu": ("alpha",),
    "HardSigmoid": ("alpha", "beta"),
}
"""Those that onnxruntime fuses, with the attributes that its parameters are, in their order."""


def activated(n: Fused, y: Value, parameters: tuple[float | None, ...]) -> Value:
    """``y`` after the operator that the attribute ``activation`` names."""
    name = n.activation
    if not name:
        return y
    if name == "Clip":
        return n.add("Clip", y, *(None if bound is None else n.number(bound, y) for bound in parameters))
    if name not in _ACTIVATIONS:
        raise RefusalError(f"its activation {name!r} has no standard form here", f"Known are Clip, {', '.join(_ACTIVATIONS)}.")
    return n.add(name, y, **dict(zip(_ACTIVATIONS[name], parameters, strict=False)))


@lifted("FusedConv")
def convolution(n):
    """A convolution, the sum with ``Z``, then an activation."""
    names = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    y = n.add("Conv", n.X, n.W, n.B, **{name: n.node[name] for name in names})
    y = y if n.Z is None else n.add("Add", y, n.Z)
    return activated(n, y, n.activation_params or ())


@lifted("FusedGemm")
def gemm(n):
    y = n.add("Gemm", n.A, n.B, n.C, alpha=n.alpha, beta=n.beta, transA=n.transA, transB=n.transB)
    return activated(n, y, (n.activation_alpha, n.activation_beta))


@lifted("FusedMatMul", "TransposeMatMul")
def matmul(n):
    """alpha * A @ B, either factor transposed; ``transBatch`` moves the first axis behind the batch axes first."""
    batch = n.node.attributes
    a = _transposed(n, n.A, n.transA, batch.get("transBatchA"))
    y = n.add("MatMul", a, _transposed(n, n.B, n.transB, batch.get("transBatchB")))
    return y if n.alpha == 1 else n.add("Mul", y, n.number(n.alpha, n.A))


def _transposed(n, x, last, batch):
    if not (last or batch):
        return x
    perm = list(range(n.rank(x)))
    if batch:
        perm = [*perm[1:-1], 0, perm[-1]]
    if last:
        perm[-2:] = perm[:-3:-1]
    return n.add("Transpose", x, perm=tuple(perm))


@lifted("Gelu")
def gelu(n):
    return n.add("Gelu", n.X)


@lifted("BiasGelu")
def bias_gelu(n):
    return n.add("Gelu", n.add("Add", n.A, n.B))


@lifted("FastGelu")
def fast_gelu(n):
    x = n.X if n.bias is None else n.add("Add", n.X, n.bias)
    return n.add("Gelu", x, approximate="tanh")


@lifted("QuickGelu")
def quick_gelu(n):
    """Not Swish, which onnxruntime lacks."""
    scaled = n.X if n.alpha == 1 else n.add("Mul", n.X, n.number(n.alpha, n.X))
    return n.add("Mul", n.X, n.add("Sigmoid", scaled))


@lifted("Pad")
def pad(n):
    """``pads`` may have an axis more."""
    pads = n.pads if n.rank(n.pads) == 1 else n.add("Reshape", n.pads, n.constant([-1]))
    value = n.value if n.value is None or n.rank(n.value) == 0 else n.add("Reshape", n.value, n.constant([]))
    return n.add("Pad", n.data, pads, value, mode=n.mode)


@lifted("GridSample")
def grid_sample(n):
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(n.mode, n.mode)
    return n.add("GridSample", n.X, n.Grid, mode=mode, padding_mode=n.padding_mode, align_corners=n.align_corners)


@lifted("Trilu")
def trilu(n):
    return n.add("Trilu", n.X, n.k, upper=n.upper)


@lifted("CDist")
def distances(n):
    """The distance of each row of A to each row of B."""
    if n.metric not in ("sqeuclidean", "euclidean"):
        raise RefusalError(f"its metric {n.metric!r} has no standard form here", "Known are euclidean and sqeuclidean.")
    gaps = n.add("Sub", n.add("Unsqueeze", n.A, n.constant([1])), n.B)
    squares = n.add("ReduceSumSquare", gaps, n.constant([2]), keepdims=0)
    return squares if n.metric == "sqeuclidean" else n.add("Sqrt", squares)
