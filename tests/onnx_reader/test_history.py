"""Each form that an operator of the standard ever had: what changed is lifted by a rule or reads as it stands, and is tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import onnx.defs
import onnx.helper
import pytest
from onnx.defs import OpSchema

from converter.errors import UnsupportedError
from converter.readers.opsets import EVERY, RULES
from tests.onnx_reader.models import assert_same_answer, model, node, random, read, read_normalised
from tests.onnx_reader.test_oldest import OLD
from tests.onnx_reader.test_opsets import FORMS, LOST

TRIED_ELSEWHERE = {
    ("Constant", 9): "test_reader.py: it becomes a weight of the graph",
    ("Constant", 11): "test_reader.py: it becomes a weight of the graph",
    ("GroupNormalization", 18): "test_opsets.py: onnxruntime does not run it, NumPy answers",
    ("OptionalHasElement", 15): "its input may now be left out, which an older file never does",
    ("Scan", 8): "below",
    ("LabelEncoder", 1): "tests/operators/test_classical.py",
    ("LabelEncoder", 2): "tests/operators/test_classical.py",
    ("TreeEnsembleClassifier", 1): "tests/operators/test_classical.py",
    ("TreeEnsembleRegressor", 1): "tests/operators/test_classical.py",
}
SAME_WHERE_UNSAID = {
    ("Constant", 9): "the value became one of several ways to give it",
    ("LpPool", 1): "a file without the size of the kernel is refused",
    ("Split", 1): "without an axis it was the first, which is now the default",
    ("Clip", 1): "without bounds nothing is bound, which the defaults say as well",
}
"""Attributes that had no default and later got one, or were then required."""


def changes(domain: str) -> Iterator[tuple[OpSchema, OpSchema]]:
    """Each schema and the next one of the same operator."""
    history: dict[str, list[OpSchema]] = defaultdict(list)
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == domain:
            history[schema.name].append(schema)
    for schemas in history.values():
        yield from pairwise(sorted(schemas, key=lambda schema: schema.since_version))


def form(schema: OpSchema) -> tuple:
    """All of a schema but its types and words."""
    attributes = {name: (entry.type, entry.required, str(entry.default_value)) for name, entry in schema.attributes.items()}
    return [entry.option for entry in schema.inputs], [entry.option for entry in schema.outputs], attributes


def lost(old: OpSchema, new: OpSchema) -> list[str]:
    """What a file may say in the old form that the new one does not know, or knows as something else."""
    optional = OpSchema.FormalParameterOption.Optional
    found = [f"attribute {name} is gone" for name in old.attributes.keys() - new.attributes.keys()]
    for name in old.attributes.keys() & new.attributes.keys():
        before, after = old.attributes[name], new.attributes[name]
        if before.type != after.type:
            found.append(f"attribute {name} is of another type")
        unsaid = not before.required and not before.default_value.type
        if unsaid and (after.required or after.default_value.type) and (old.name, old.since_version) not in SAME_WHERE_UNSAID:
            found.append(f"attribute {name} has a default or is required")
    found += [
        f"attribute {name} is required"
        for name in new.attributes.keys() - old.attributes.keys()
        if new.attributes[name].required
    ]
    for before, after in zip(old.inputs, new.inputs, strict=False):
        if before.option != after.option and after.option != optional:
            found.append(f"input {before.name} is {after.option.name}")
    if len(old.inputs) > len(new.inputs):
        found.append("inputs are gone")
    found += [f"input {entry.name} is new" for entry in new.inputs[len(old.inputs) :] if entry.option != optional]
    if len(old.outputs) > len(new.outputs):
        found.append("outputs are gone")
    return found


def has_rule(old: OpSchema, new: OpSchema) -> bool:
    return any(old.since_version < version <= new.since_version for version, _ in RULES.get(old.name, ()))


@pytest.mark.parametrize("domain", ["", "ai.onnx.ml"])
def test_what_an_old_form_says_is_lifted(domain):
    gaps = {
        f"{old.name} {old.since_version} to {new.since_version}": lost(old, new)
        for old, new in changes(domain)
        if lost(old, new) and not has_rule(old, new)
    }
    assert not gaps


def test_each_old_form_is_tried():
    """Where the form changed, or a rule says that its meaning did, some test reads a file of an opset before the change."""
    opsets: dict[str, set[int]] = defaultdict(set)
    for entry in [*FORMS, *LOST, *OLD]:
        opsets[entry.op_type].update(entry.opsets())
    missing = [
        f"{old.name} {old.since_version} to {new.since_version}"
        for domain in ("", "ai.onnx.ml")
        for old, new in changes(domain)
        if (form(old) != form(new) or has_rule(old, new))
        and (old.name, old.since_version) not in TRIED_ELSEWHERE
        and not any(old.since_version <= opset < new.since_version for opset in opsets[old.name])
    ]
    assert not missing


def test_rules_are_of_versions_that_exist():
    """A rule at a version at which its operator did not change would be a slip; experimental operators have no versions."""
    known = defaultdict(set)
    for schema in onnx.defs.get_all_schemas_with_history():
        known[schema.name].add(schema.since_version)
    slips = [
        f"{name} {version}"
        for name, rules in RULES.items()
        for version, _ in rules
        if name in known and version not in known[name] and version != EVERY
    ]
    assert not slips


def scan_8(lengths: str):
    """Running sums of two sequences, the second input backwards."""
    body = onnx.helper.make_graph(
        [node("Add", ["s", "e"], ["s2"]), node("Mul", ["s2", "f"], ["y"])], "body",
        *([onnx.helper.make_tensor_value_info(name, 1, [2]) for name in names] for names in (("s", "e", "f"), ("s2", "y"))),
    )  # fmt: skip
    scan = node("Scan", [lengths, "s0", "x", "z"], ["sn", "ys"], body=body, num_scan_inputs=2, directions=[0, 1])
    inputs = {"s0": [2, 2], "x": [2, 3, 2], "z": [2, 3, 2]} | ({"n": (np.int64, [2])} if lengths else {})
    return model([scan], inputs, ["sn", "ys"], opset=8)


def test_scan_over_a_batch(tmp_path):
    proto = scan_8("")
    feeds = {"s0": random(2, 2), "x": random(2, 3, 2, seed=1), "z": random(2, 3, 2, seed=2)}
    assert_same_answer(read(proto, tmp_path), proto, feeds)
    assert_same_answer(read_normalised(proto, tmp_path), proto, feeds)


def test_scan_over_sequences_of_different_lengths_is_refused(tmp_path):
    with pytest.raises(UnsupportedError, match="sequences of different lengths in the form of opset 8"):
        read(scan_8("n"), tmp_path)
