"""Time to convert ResNet-50 (ONNX, 100 MB) to PyTorch, beside reading the file and writing its weights with safetensors.

Run as ``python benchmarks/conversion_time.py``. Both are timed in one process, in turns, without imports and with warm file
caches; the weights are seeded random numbers, which cost the same as trained ones.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))

import converter
from tests.topologies import seeded

ROUNDS = 7
LIMIT = 3.0


def read_and_write(model: Path, out: Path) -> None:
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(model).graph.initializer}
    save_file(weights, out)


def seconds(function, *arguments, **options) -> float:
    start = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "resnet50.onnx"
        onnx.save(seeded("resnet50", 0), model)
        convert, base = [], []
        for _ in range(ROUNDS + 1):
            base.append(seconds(read_and_write, model, Path(folder) / "weights.safetensors"))
            convert.append(seconds(converter.convert, model, to="pytorch", out=Path(folder) / "resnet50", verify=False))
        ratios = [c / b for c, b in zip(convert[1:], base[1:], strict=True)]
        print(f"file                   {model.stat().st_size / 1e6:8.1f} MB")
        print(f"read and write back    {statistics.median(base[1:]):8.3f} s")
        print(f"convert to PyTorch     {statistics.median(convert[1:]):8.3f} s")
        print(f"ratio, pair by pair    {statistics.median(ratios):8.2f}   (limit {LIMIT})")
        sys.exit(statistics.median(ratios) > LIMIT)


if __name__ == "__main__":
    main()
