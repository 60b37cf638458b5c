"""Padding per side: the only place that knows in which order each framework writes it.

Axes are the spatial axes in graph order: (left-right) in 1-D, (top-bottom, left-right) in 2-D, (top-bottom, left-right,
front-back) in 3-D. All sizes are in elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Padding:
    """Elements added before (``begin``) and after (``end``) each spatial axis; a negative number crops.

    ``ceil`` is what ``ceil_mode`` adds after ``end`` so that the last window of a pooling fits. It is kept apart because
    average pooling never counts it, even where it counts the padding itself, and because PyTorch has an argument for it.
    """

    begin: tuple[int, ...]
    end: tuple[int, ...]
    ceil: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.ceil:
            object.__setattr__(self, "ceil", (0,) * len(self.begin))
        if not len(self.begin) == len(self.end) == len(self.ceil):
            raise ValueError(f"padding of unequal rank: {self.begin}, {self.end}, {self.ceil}")

    @classmethod
    def zero(cls, rank: int) -> Self:
        return cls((0,) * rank, (0,) * rank)

    @classmethod
    def from_onnx(cls, pads: Sequence[int]) -> Self:
        """ONNX order: all begins, then all ends."""
        rank = len(pads) // 2
        return cls(tuple(int(p) for p in pads[:rank]), tuple(int(p) for p in pads[rank:]))

    @classmethod
    def from_matlab(cls, sizes: Sequence[int] | Sequence[Sequence[int]]) -> Self:
        """MATLAB and MatConvNet order: [left right] in 1-D, [top bottom left right] in 2-D.

        3-D is a 2-by-3 matrix [top left front; bottom right back]. Source: the PaddingSize property on the MATLAB pages of
        convolution1dLayer, convolution2dLayer and convolution3dLayer.
        """
        if len(sizes) == 2 and all(isinstance(row, Sequence) for row in sizes):
            begin, end = sizes
            return cls(tuple(int(p) for p in begin), tuple(int(p) for p in end))
        return cls(tuple(int(p) for p in sizes[0::2]), tuple(int(p) for p in sizes[1::2]))

    @property
    def rank(self) -> int:
        return len(self.begin)

    @property
    def onnx(self) -> list[int]:
        """All begins, then all ends (without what ``ceil_mode`` adds)."""
        return [*self.begin, *self.end]

    @property
    def matlab(self) -> list[int]:
        """[top bottom left right]."""
        return [p for pair in zip(self.begin, self.end, strict=True) for p in pair]

    @property
    def keras(self) -> int | tuple[int, ...] | tuple[tuple[int, int], ...]:
        """The argument of ZeroPadding and Cropping layers, as short as it can be said: 2, (2, 1) or ((0, 1), (0, 1))."""
        pairs = tuple(zip(self.begin, self.end, strict=True))
        if self.rank == 1:
            return pairs[0][0] if self.is_symmetric else pairs[0]
        if not self.is_symmetric:
            return pairs
        return self.shortest

    @property
    def shortest(self) -> int | tuple[int, ...]:
        """``begin`` as one number where all axes agree."""
        return self.begin[0] if len(set(self.begin)) == 1 else self.begin

    @property
    def torch(self) -> tuple[int, ...]:
        """The argument of ``F.pad``: pairs from the last axis to the first."""
        pairs = reversed(list(zip(self.begin, self.end, strict=True)))
        return tuple(p for pair in pairs for p in pair)

    @property
    def is_zero(self) -> bool:
        return not (any(self.begin) or any(self.end) or any(self.ceil))

    @property
    def is_symmetric(self) -> bool:
        """Both sides of every axis equal, leaving aside what ``ceil_mode`` adds."""
        return self.begin == self.end

    @property
    def has_ceil(self) -> bool:
        return any(self.ceil)

    @property
    def total(self) -> Padding:
        """The same padding with the ``ceil_mode`` part counted into the end."""
        return Padding(self.begin, tuple(e + c for e, c in zip(self.end, self.ceil, strict=True)))

    def __neg__(self) -> Padding:
        return Padding(tuple(-p for p in self.begin), tuple(-p for p in self.end))

    def __add__(self, other: Padding) -> Padding:
        """One padding after the other."""

        def add(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(x + y for x, y in zip(a, b, strict=True))

        return Padding(add(self.begin, other.begin), add(self.end, other.end), add(self.ceil, other.ceil))

    def parts(self) -> tuple[Padding, Padding]:
        """(what is added, what is cropped), both as non-negative numbers."""
        added = Padding(tuple(max(p, 0) for p in self.begin), tuple(max(p, 0) for p in self.end))
        cropped = Padding(tuple(max(-p, 0) for p in self.begin), tuple(max(-p, 0) for p in self.end))
        return added, cropped


def effective_kernel(kernel: int, dilation: int) -> int:
    """Elements that a dilated kernel spans."""
    return (kernel - 1) * dilation + 1


def same_padding(size: int, kernel: int, stride: int, dilation: int, *, upper: bool = True) -> tuple[int, int]:
    """(begin, end) so that the output has ceil(size / stride) elements; the odd one goes to the end when ``upper``.

    SAME_UPPER is also what MATLAB's and Keras' ``'same'`` do. Source: the auto_pad attribute on the ONNX page of Conv.
    """
    output = -(-size // stride)
    total = max((output - 1) * stride + effective_kernel(kernel, dilation) - size, 0)
    small, large = total // 2, total - total // 2
    return (small, large) if upper else (large, small)


def ceil_padding(size: int | None, kernel: int, stride: int, dilation: int, begin: int, end: int) -> int:
    """Elements to add at the end so that rounding down gives the output size that ``ceil_mode`` gives.

    A window that would start beyond the input and its leading padding is dropped, as ONNX and PyTorch do. With an unknown
    ``size`` the answer is ``stride - 1``, which gives the same number of windows for every size.
    """
    if size is None:
        return stride - 1
    span = size + begin + end - effective_kernel(kernel, dilation)
    windows = -(-span // stride) + 1
    if (windows - 1) * stride >= size + begin:
        windows -= 1
    return max((windows - 1) * stride - span, 0)


def ceil_padding_is_exact(kernel: int, stride: int, dilation: int, end: int) -> bool:
    """Whether, for every input size, no window of ``ceil_mode`` starts beyond the input (so ``stride - 1`` is right)."""
    return end <= effective_kernel(kernel, dilation) - stride


def equals_same(padding: Padding, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> bool:
    """Whether ``padding="same"`` gives the same result for every input size.

    True only for stride 1, where the total is the effective kernel less one whatever the size, and both sides equal.
    With a larger stride the padding depends on the input size, and Keras pads the bottom and the right first.
    """
    return not padding.has_ceil and all(
        stride == 1 and begin == end and begin + end == effective_kernel(k, d) - 1
        for k, stride, d, begin, end in zip(kernel, strides, dilations, padding.begin, padding.end, strict=True)
    )
