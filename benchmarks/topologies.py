"""Writes the nine topologies of the onnx wheel with seeded weights, and a spec of each for both targets, into a folder.

Run as ``python benchmarks/topologies.py FOLDER``; then ``converter check FOLDER -n 2`` (``make check-topologies`` does both).
"""

from __future__ import annotations

import sys
from pathlib import Path

import onnx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.topologies import NAMES, seeded

SPEC = """# {name}, with seeded weights.
[equivalence]
model = "{name}.onnx"
targets = ["keras", "pytorch"]
"""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        onnx.save(seeded(name, 0), folder / f"{name}.onnx")
        (folder / f"{name}.toml").write_text(SPEC.format(name=name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
