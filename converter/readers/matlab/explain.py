"""What a MAT-file without a network holds, in words for the person who took it for one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from converter.errors import Problem
from converter.readers.matlab.container import EXPORT_ADVICE, Foreign, Object, Variable

_WEIGHT = re.compile(
    r"weights?|kernels?|filters?|bias(es)?|gamma|beta|(^|[._])(w|b|iw|lw|[wubr][ifogcz]|theta)\d*($|_|\{)", re.IGNORECASE
)
"""What people call learned arrays."""
_ONLY_BESIDE_WEIGHTS = re.compile(r"(^|[._])b\d*($|_|\{)", re.IGNORECASE)
"""A bias, or the input matrix of a dynamic system."""

_KINDS = {
    r"Label|groundTruth": "labels of images or signals, to train a detector with",
    r"acfObjectDetector|CascadeObjectDetector|peopleDetectorACF": "a detector of boosted trees, which is no neural network",
    r"(Classification|Regression)(Partitioned|Compact)?[A-Z]|TreeBagger|ECOC|clustering|gmdistribution|LinearModel|NonLinearModel"
    r"|(Compact)?(Tree|SVM|Linear|KNN|GP|Ensemble)(Bag|Impl)?$": "a model of the Statistics and Machine Learning Toolbox",
    r"^(mam|sug)fis|^fis": "a fuzzy inference system",
    r"wordEmbedding|bagOfWords|ldaModel": "a model of texts, which a network may use but is none",
    r"[Dd]atastore|ImageSource": "a list of files to train with",
    r"^(table|timetable|timeseries|categorical|string|datetime|duration|tall)$": "data",
    r"^Simulink|^RTW|^timeseries|^slreq": "data of Simulink",
    r"[Tt]rainingOptions": "options of a training",
    r"^experiments\.": "the plan of an experiment; its trained network is in another file of its results",
    r"^MException": "an error that was caught",
    r"^(ss|tf|zpk|idpoly|idss|idtf|idnlarx|idnlhw|idproc|frd)$": "a dynamic system",
}
"""What classes of objects are, by a pattern of their name."""


def listed(texts: Iterable[str], most: int = 8) -> str:
    """The texts in a row, and how many more there are."""
    items = list(texts)
    return (", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")) or "no variable"


def no_network(variables: Sequence[Variable], contents: Mapping[str, Any]) -> Problem:
    """The refusal of a file with these variables; ``contents`` are those that hold other values."""
    held = listed(map(str, variables))
    if closed := [variable.class_name for variable in variables if isinstance(contents.get(variable.name), Foreign)]:
        reason = f"it holds {held}, but nothing of what such objects are ({listed(dict.fromkeys(closed))}) is in the file."
        return Problem(reason, advice=f"It was saved incompletely. {EXPORT_ADVICE}")
    if arrays := _learned(variables, contents):
        reason = (
            f"it holds arrays that look like weights ({listed(arrays, 6)}), but not the layers they belong to: which there "
            "are, in which order, with which stride, padding and activation."
        )
        return Problem(reason, advice=f"Where the network itself is still there: {EXPORT_ADVICE}")
    reason = f"no network in this file. It holds {held}."
    known = [f"'{place}' is {kind}" for place, kind in _known(contents)]
    reason += f" {listed(known, 3)}." if known else ""
    reason += " A network is an object such as dlnetwork or DAGNetwork, or a struct with the field 'layer_table_version'."
    return Problem(reason, advice=EXPORT_ADVICE)


def _learned(variables: Sequence[Variable], contents: Mapping[str, Any]) -> list[str]:
    """The arrays called as learned ones are, where there are at least two."""
    top = [(v.name, str(v)) for v in variables if v.kind in ("single", "double") and v.shape != (1, 1)]
    found = [*top, *((place, text) for name, value in contents.items() for place, text in _arrays(value, name))]
    named = [(place, text) for place, text in found if _WEIGHT.search(place)]
    is_sure = any(not _ONLY_BESIDE_WEIGHTS.search(place) for place, _ in named)
    return [text for _, text in named] if len(named) > 1 and is_sure else []


def _arrays(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """The numeric arrays in structs and cells."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _arrays(item, f"{place}.{name}")
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for number, item in enumerate(value.ravel(order="F"), 1):
            yield from _arrays(item, f"{place}{{{number}}}")
    elif isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 1:
        yield place, f"'{place}' ({'×'.join(map(str, value.shape))})"


def _known(contents: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The objects of a kind that can be named, from outside in."""
    waiting = deque(contents.items())
    seen: set[int] = set()
    while waiting:
        place, value = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Object):
            kind = next((text for pattern, text in _KINDS.items() if re.search(pattern, value.class_name)), "")
            if kind:
                yield place, f"{kind} ({value.class_name})"
        elif isinstance(value, dict):
            waiting.extend((f"{place}.{name}", item) for name, item in value.items())
        elif isinstance(value, np.ndarray) and value.dtype == object:
            waiting.extend((f"{place}{{{number}}}", item) for number, item in enumerate(value.ravel(order="F"), 1))
