"""Variables of MAT-files: the same values as scipy reads from what scipy or Octave wrote, whatever the bytes."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converter.errors import ReadError
from converter.readers.matlab import container

names = st.text("abcdefgh_", min_size=1, max_size=20).filter(lambda name: not name.startswith("_"))
numbers = st.sampled_from(["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=4))
)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=9)


def cell(items):
    array = np.empty((len(items), 1), dtype=object)
    array[:, 0] = items
    return array


values = st.recursive(
    numbers | texts,
    lambda inner: st.lists(inner, max_size=3).map(cell) | st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=6,
)


def assert_same(value, expected):
    if isinstance(expected, str):
        assert value == expected
    elif isinstance(expected, dict):
        assert list(value) == list(expected)
        for name in expected:
            assert_same(value[name], expected[name])
    elif expected.dtype == object:
        assert value.shape == expected.shape or value.size == expected.size == 0
        for a, b in zip(value.flat, expected.flat, strict=True):
            assert_same(a, b)
    else:
        assert value.dtype == expected.dtype
        np.testing.assert_array_equal(value, expected)


@given(st.dictionaries(names, values, min_size=1, max_size=3), st.booleans())
def test_values_come_back(tmp_path_factory, content, compress):
    path = tmp_path_factory.getbasetemp() / "values.mat"
    scipy.io.savemat(path, content, do_compression=compress)
    variables = container.directory(path)
    assert [variable.name for variable in variables] == list(content)
    for variable in variables:
        assert_same(container.load(path, variable), content[variable.name])


def matrix(kind: int, shape: tuple[int, ...], name: bytes, *parts: bytes, order: str = "<") -> bytes:
    def element(number: int, data: bytes) -> bytes:
        return struct.pack(order + "II", number, len(data)) + data + bytes(-len(data) % 8)

    dimensions = struct.pack(f"{order}{len(shape)}i", *shape)
    head = element(6, struct.pack(order + "II", kind, 0)) + element(5, dimensions) + element(1, name)
    return element(14, head + b"".join(parts))


def mat_file(path, *elements: bytes, order: str = "<"):
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + (b"\0\1IM" if order == "<" else b"\1\0MI") + b"".join(elements))
    return path


def test_big_endian(tmp_path):
    data = struct.pack(">II", 9, 16) + struct.pack(">dd", 1.5, -2)
    path = mat_file(tmp_path / "big.mat", matrix(6, (1, 2), b"x", data, order=">"), order=">")
    (variable,) = container.directory(path)
    np.testing.assert_array_equal(container.load(path, variable), [[1.5, -2]])


def test_numbers_stored_as_a_smaller_type(tmp_path):
    data = struct.pack("<II", 2, 3) + bytes([1, 2, 255]) + bytes(5)
    path = mat_file(tmp_path / "small.mat", matrix(6, (3, 1), b"x", data))
    value = container.load(path, container.directory(path)[0])
    assert value.dtype == np.float64
    np.testing.assert_array_equal(value, [[1], [2], [255]])


def test_rows_of_text(tmp_path):
    path = tmp_path / "rows.mat"
    scipy.io.savemat(path, {"rows": np.array(["ab", "c"])})
    assert container.load(path, container.directory(path)[0]) == ["ab", "c"]


@pytest.mark.parametrize("depth", [5_000, 200_000])
def test_deep_nesting_is_refused(tmp_path, depth):
    empty = matrix(6, (0, 0), b"", struct.pack("<II", 9, 0))
    head = matrix(1, (1, 1), b"")[8:]
    tags, length = [], len(empty)
    for _ in range(depth):
        tags.append(struct.pack("<II", 14, len(head) + length))
        length += 8 + len(head)
    body = b"".join(tag + head for tag in reversed(tags)) + empty
    path = mat_file(tmp_path / "deep.mat", matrix(1, (1, 1), b"deep", body))
    with pytest.raises(ReadError, match="nested"):
        container.load(path, container.directory(path)[0])


@pytest.mark.parametrize(
    "element",
    [
        matrix(6, (2**31 - 1, 2**31 - 1), b"x", struct.pack("<IId", 9, 8, 1)),
        matrix(1, (2**31 - 1, 2**31 - 1), b"x"),
        matrix(2, (2**31 - 1, 1), b"x", struct.pack("<HHi", 5, 4, 8), struct.pack("<II", 1, 8) + b"field\0\0\0"),
        matrix(4, (2**31 - 1, 2), b"x", struct.pack("<II", 16, 8) + b"abcdefgh"),
        matrix(6, (1,), b"x", struct.pack("<IId", 9, 8, 1)),
        matrix(6, (-1, -1), b"x", struct.pack("<IId", 9, 8, 1)),
    ],
    ids=["numbers", "cell", "struct", "text", "one dimension", "negative dimensions"],
)
def test_sizes_that_the_bytes_do_not_hold(tmp_path, element):
    path = mat_file(tmp_path / "sizes.mat", element)
    with pytest.raises(ReadError, match="damaged"):
        for variable in container.directory(path):
            container.load(path, variable)
