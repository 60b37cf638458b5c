"""Readers: a file becomes a graph. Which reader a file belongs to is told by its content."""

from __future__ import annotations

import re
from pathlib import Path

from converter.errors import Problem, ReadError
from converter.graph import Graph

_HEAD = 1024  # bytes that tell what a file is

# What people give by mistake: how the file begins, what it is, what to do.
_FOREIGN: list[tuple[bytes, str, str]] = [
    (
        b"version https://git-lfs",
        "a git-LFS pointer, which stands for the real file",
        "Fetch the file itself: run `git lfs pull`, or download it from the page of the repository.",
    ),
    (b"<!doctype html", "an HTML page", "Download the file itself (on GitHub: the raw file), not the page that shows it."),
    (b"<html", "an HTML page", "Download the file itself (on GitHub: the raw file), not the page that shows it."),
    (b"<?xml", "an XML file", "Give the ONNX file or the .mat file of the network."),
    (b"pk\x03\x04", "a zip archive, as PyTorch checkpoints and .keras files are", "Unpack it, or export the model to ONNX."),
    (b"\x80\x02", "a Python pickle, as old PyTorch checkpoints are; pickles are never opened", "Export the model to ONNX."),
    (b"\x80\x04", "a Python pickle; pickles are never opened", "Export the model to ONNX."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (b"\x1c\x00\x00\x00tfl3", "a TensorFlow Lite model", "Convert it to ONNX with tf2onnx."),
    (b"\x89png", "a PNG image", "Give the ONNX file or the .mat file of the network."),
    (b"\xff\xd8\xff", "a JPEG image", "Give the ONNX file or the .mat file of the network."),
]

_MATLAB_SUFFIXES = {".mat", ".txt"}
_MATLAB_HEADS = (b"matlab 5.0 mat-file", b"matlab 7.3 mat-file", b"\x89hdf")
_PRINTED_LAYER = re.compile(rb"^[\s%#>*/|]*\d+[\s.):|]*'[^'\n]*'[\s|]+[A-Z1-3]", re.MULTILINE)
"""A line of the layers that MATLAB prints, in a text file of any name."""


def read(path: str | Path, *, variable: str | None = None) -> Graph:
    """The graph of a MATLAB or ONNX file; ``variable`` names the network in a .mat file that holds several.

    Raises ReadError that says what the file is and what to do where no reader knows it, and whatever its reader raises.
    """
    path = Path(path)
    head = _head(path)
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    printed = b"\0" not in head and _PRINTED_LAYER.search(head)
    if printed or lowered.startswith(_MATLAB_HEADS) or (path.suffix.lower() in _MATLAB_SUFFIXES and not _foreign(lowered)):
        from converter.readers import matlab

        return matlab.read(path, variable=variable)
    if foreign := _foreign(lowered):
        what, advice = foreign
        raise ReadError(Problem(f"this is {what}.", advice=advice), str(path))
    if variable is not None:
        raise ReadError(Problem("a variable can be chosen in a .mat file only.", advice="Leave it out."), str(path))
    from converter.readers import onnx

    return onnx.read(path)


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise ReadError(Problem("there is no such file.", advice="Check the path."), str(path)) from None
    except IsADirectoryError:
        raise ReadError(Problem("this is a folder.", advice="Give the model file in it."), str(path)) from None
    except OSError as error:
        raise ReadError(
            Problem(f"it cannot be opened: {error.strerror}.", advice="Check its permissions."), str(path)
        ) from None
    if not head:
        raise ReadError(Problem("the file is empty.", advice="Copy or export it again."), str(path))
    return head


def _foreign(head: bytes) -> tuple[str, str] | None:
    return next(((what, advice) for start, what, advice in _FOREIGN if head.startswith(start)), None)
