"""Files that were made to hurt: they reach no other file, take no memory that they do not fill, and never end the process."""

from __future__ import annotations

import struct
import time
import zlib

import h5py
import numpy as np
import pytest

from converter.errors import ReadError
from converter.readers import matlab
from converter.readers.matlab import container, mcos

HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124) + b"\0\2IM"


@pytest.fixture
def hdf(tmp_path):
    """A file of version 7.3 into which a test writes."""
    path = tmp_path / "net.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        net = file.create_group("net")
        net.attrs["MATLAB_class"] = np.bytes_("struct")
        yield file, path


def refusal(file, path) -> str:
    file.close()
    data = bytearray(path.read_bytes())
    data[: len(HEADER)] = HEADER
    path.write_bytes(data)
    with pytest.raises(ReadError) as caught:
        matlab.read(path)
    return str(caught.value)


def numbers(group, name, **how):
    array = group.create_dataset(name, dtype="f8", **how)
    array.attrs["MATLAB_class"] = np.bytes_("double")
    return array


def test_a_link_to_another_file(hdf, tmp_path):
    file, path = hdf
    file["net"]["layers"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/x")
    assert "link to another place" in refusal(file, path)


def test_a_link_by_name(hdf):
    file, path = hdf
    file["net"]["layers"] = h5py.SoftLink("/net")
    assert "link to another place" in refusal(file, path)


def test_numbers_in_another_file(hdf, tmp_path):
    file, path = hdf
    (tmp_path / "secret").write_bytes(bytes(64))
    numbers(file["net"], "x", shape=(8,), external=[(str(tmp_path / "secret"), 0, 64)])
    assert "lies in another file" in refusal(file, path)


def test_numbers_put_together_from_another_file(hdf, tmp_path):
    file, path = hdf
    layout = h5py.VirtualLayout((8,), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (8,))
    file["net"].create_virtual_dataset("x", layout).attrs["MATLAB_class"] = np.bytes_("double")
    assert "lies in another file" in refusal(file, path)


def test_a_filter_that_is_a_plugin(hdf):
    file, path = hdf
    numbers(file["net"], "x", shape=(4096,), chunks=(64,), compression="lzf", data=np.zeros(4096))
    assert "packed with filter" in refusal(file, path)


def test_sizes_that_nothing_fills(hdf):
    file, path = hdf
    numbers(file["net"], "x", shape=(2**20, 2**20), chunks=(64, 64), compression="gzip")
    assert "more than its 0 can hold" in refusal(file, path)


def test_a_cell_that_holds_itself(hdf):
    file, path = hdf
    cell = file.create_dataset("cells", (2,), dtype=h5py.ref_dtype)
    cell.attrs["MATLAB_class"] = np.bytes_("cell")
    cell[:] = [cell.ref, cell.ref]
    start = time.perf_counter()
    assert "deep" in (text := refusal(file, path)) or "one another" in text
    assert time.perf_counter() - start < 10


def test_an_hdf5_file_of_another_program(tmp_path):
    with h5py.File(tmp_path / "net.mat", "w") as file:
        file.create_group("model_weights")
    with pytest.raises(ReadError, match=r"no MAT-file.*'model_weights'.*Keras"):
        matlab.read(tmp_path / "net.mat")


# Objects --------------------------------------------------------------------------------------------------------------------


def subsystem(
    *, classes=((0, 0, 0, 0), (0, 1, 0, 0)), objects=((0,) * 6, (1, 0, 0, 0, 1, 0)), plain=((), ((2, 1, 0),)), values=()
):
    """A subsystem with the names 'Thing' and 'Held'; object 1 is a Thing, whose Held is value 0."""

    def packed(rows):
        return np.array([number for row in rows for number in row], "<i4").tobytes()

    records = b""
    for rows in plain:
        records += struct.pack("<i", len(rows)) + packed(rows)
        records += bytes(-len(records) % 8)
    parts = [b"Thing\0Held\0".ljust(16, b"\0"), packed(classes), b"", packed(objects), records, bytes(8)]
    ends = np.cumsum([40 + len(parts[0]), *map(len, parts[1:])])
    table = struct.pack("<10i", 4, 2, *ends, 0, 0) + b"".join(parts)
    return [np.frombuffer(table, np.uint8).reshape(-1, 1), None, *values, None, None, np.zeros((0, 0), object)]


def handle(*numbers):
    return container.Foreign("Thing", np.array([[0xDD000000], *([n] for n in numbers)], np.uint32))


def test_the_fixture_itself():
    thing = mcos.Objects(subsystem(values=["text"]), "<").resolved(handle(2, 1, 1, 1, 1))
    assert thing == container.Object("Thing", {"Held": "text"})


def test_an_object_that_holds_itself():
    thing = mcos.Objects(subsystem(values=[handle(2, 1, 1, 1, 1).handle]), "<").resolved(handle(2, 1, 1, 1, 1))
    assert thing.properties["Held"] is thing


@pytest.mark.parametrize(
    ("changed", "numbers"),
    [
        ({}, (2, 1, 1, 7, 1)),  # an object that is not there
        ({}, (2, 2**31, 2**31, 1, 1)),  # an array larger than its list
        ({}, (2**32 - 1, 1, 1)),
        ({"objects": ((0,) * 6, (9, 0, 0, 0, 1, 0))}, (2, 1, 1, 1, 1)),  # a class, properties, a value and a name, likewise
        ({"objects": ((0,) * 6, (1, 0, 0, 0, 9, 0))}, (2, 1, 1, 1, 1)),
        ({"plain": ((), ((2, 1, 5),))}, (2, 1, 1, 1, 1)),
        ({"plain": ((), ((9, 0, 9),))}, (2, 1, 1, 1, 1)),
        ({"classes": ((0, 0, 0, 0), (0, 50, 0, 0))}, (2, 1, 1, 1, 1)),
    ],
)
def test_a_table_of_objects_that_contradicts_itself(changed, numbers):
    with pytest.raises(container.DamagedError):
        mcos.Objects(subsystem(values=["text"], **changed), "<").resolved(handle(*numbers))


def test_a_table_of_objects_with_any_byte_changed():
    values = subsystem(values=["text"])
    whole = values[0].ravel()
    for position in range(whole.size):
        for change in (1, 0x80, 0xFF):
            damaged = whole.copy()
            damaged[position] ^= change
            try:
                mcos.Objects([damaged.reshape(-1, 1), *values[1:]], "<").resolved(handle(2, 1, 1, 1, 1))
            except container.DamagedError:
                continue


# Packed elements ------------------------------------------------------------------------------------------------------------


def test_a_deep_nesting_of_cells_ends_in_a_message(tmp_path):
    """Packed, a million cells within one another are a few kilobytes; a reader that follows them dies of its stack."""
    content = b""
    for _ in range(3000):
        head = struct.pack("<IIII", 6, 8, 1, 0) + struct.pack("<IIii", 5, 8, 1, 1) + struct.pack("<II", 1, 0)
        content = struct.pack("<II", 14, len(head) + len(content)) + head + content
    content = content[:40] + struct.pack("<HH4s", 1, 1, b"c") + content[48:]  # the outermost one has a name
    packed = zlib.compress(content)
    path = tmp_path / "net.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(ReadError, match="nested more than"):
        matlab.read(path)
