"""Writes ``specs/operators.md``: ``python -m tests.backend.operators [--target pytorch | --keep]``.

What an operator is comes from the standard and the rooms, how many cases pass from a run of the conformance suite's node group.
The counts of a target that is not run stay as they are.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import onnx.defs

from converter.operators.registry import rooms
from converter.readers.microsoft import LIFTS
from converter.readers.opsets import EXPERIMENTAL
from tests.backend import cases
from tests.backend.summary import summarise

PATH = Path(__file__).parents[2] / "specs" / "operators.md"
_DOMAINS = ("", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training")
_OTHERWISE = {
    ("", "Constant"): "read as a weight",
    ("", "Scatter"): "read as ScatterElements, which replaced it",
    ("", "Upsample"): "read as Resize, which replaced it",
    ("ai.onnx.preview", "FlexAttention"): "read as the body that the standard defines it by",
    ("ai.onnx.preview.training", "Gradient"): "refused: it asks for a derivative by the names of other nodes' tensors",
}
"""Operators without a room of their own: what becomes of them."""

_TEXT = """\
# Operators

Written by `python -m tests.backend.operators`; do not edit it by hand. *Opsets*: the first that has the operator, and the last
that changed it; a file of any opset between them is read, its forms lifted to the last one (`converter/readers/opsets.py`).
*PyTorch*, *Keras*: cases of the standard's conformance suite (node group) that pass, of all; `yes` where the suite has none,
`no` where the operator is refused. Cases that cannot pass are listed with their reasons in `tests/exclusions.toml`,
with those of random numbers, of which dtypes and shapes are compared.

| operator | opsets | PyTorch | Keras | restrictions |
|---|---|---|---|---|
{rows}

{totals}

## Lifted to standard operators when read

Of `com.microsoft`: {microsoft}.

Experimental and never in the standard: {experimental}.
"""

Counts = Mapping[tuple[str, str], tuple[int, int]]
"""(operator, target): cases that pass, all cases."""


def versions() -> dict[tuple[str, str], list[int]]:
    """The opsets that changed each operator of the standard that is not deprecated, or can be written all the same."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    gone = set()
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain in _DOMAINS:
            found[schema.domain, schema.name].append(schema.since_version)
            if schema.deprecated:
                gone.add((schema.domain, schema.name))
    return {key: sorted(opsets) for key, opsets in found.items() if key not in gone or key in rooms() or key in _OTHERWISE}


def table(counts: Counts) -> list[str]:
    """A row for each operator."""
    rows, known = [], versions()
    for domain, name in sorted(known.keys() | rooms().keys()):
        room, opsets = rooms().get((domain, name)), known.get((domain, name), [])
        text = room.restrictions if room is not None else _OTHERWISE.get((domain, name), "refused")
        cells = []
        for target in cases.TARGETS:
            supported = room.supports(target) if room is not None else text.startswith("read")
            passed, total = counts.get((name, target), (0, 0))
            cells.append(f"{passed}/{total}" if total else "yes" if supported else "no")
        span = f"{opsets[0]}" + (f", {opsets[-1]}" if len(opsets) > 1 else "") if opsets else ""
        title = f"{domain}:{name}" if domain else name
        rows.append(f"| {title} | {span} | {' | '.join(cells)} | {text} |")
    return rows


def text(counts: Counts) -> str:
    """The whole file."""
    totals = []
    for target, title in zip(cases.TARGETS, ("PyTorch", "Keras"), strict=True):
        mine = [numbers for (_, of), numbers in counts.items() if of == target]
        if mine:
            totals.append(f"{title}: {sum(passed for passed, _ in mine):,} of {sum(total for _, total in mine):,} cases.")
    return _TEXT.format(
        rows="\n".join(table(counts)),
        totals="\n".join(totals),
        microsoft=", ".join(sorted(LIFTS)),
        experimental=", ".join(sorted(EXPERIMENTAL.keys() - rooms_of_the_standard())),
    )


def rooms_of_the_standard() -> set[str]:
    return {name for domain, name in rooms() if not domain}


def read() -> dict[tuple[str, str], tuple[int, int]]:
    """The counts as they stand in the file."""
    counts = {}
    for line in PATH.read_text().splitlines() if PATH.exists() else ():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5:
            continue
        for target, cell in zip(cases.TARGETS, cells[2:4], strict=True):
            if re.fullmatch(r"\d+/\d+", cell):
                passed, total = cell.split("/")
                counts[cells[0].rsplit(":", 1)[-1], target] = int(passed), int(total)
    return counts


def main() -> None:
    """Run the suite and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=cases.TARGETS, action="append")
    parser.add_argument("--keep", action="store_true", help="run nothing: all counts stay as they are")
    arguments = parser.parse_args()
    targets = () if arguments.keep else arguments.target or cases.TARGETS
    counts = {key: numbers for key, numbers in read().items() if key[1] not in targets}
    summary = summarise(cases.cases("node") if targets else (), targets)
    for operator, total in summary.total.items():
        counts |= {(operator, target): (summary.passed[operator, target], total) for target in targets}
    PATH.write_text(text(counts))


if __name__ == "__main__":
    main()
