"""Time of one inference with emitted code, beside the same network as a person wrote it.

Run as ``python benchmarks/inference_time.py [names] [--target keras] [--mode eager] [--rounds 15]``. In PyTorch the originals
are those of ``tests/originals``, exported and converted, eager and through ``torch.compile``. In Keras they are networks of
``keras.applications``, exported by Keras itself, through ``predict_on_batch`` with and without XLA. Both sides run in one
process in turns, each first in every second round; a ratio is the median over rounds of one by the other, and the two sides
answer alike. In PyTorch both hold the same tensors of weights, for where these lie in memory moves times by some percent.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import converter
from tests.exports.inputs import feeds, renamed
from tests.originals.measures import flat_outputs, relative_error

THREADS = 2
BATCH = 4
LIMIT = 1.03
PYTORCH = ("resnet50", "mobilenet_v3_large", "densenet121", "vit_tiny", "swin_tiny", "bert")
KERAS = ("ResNet50", "MobileNetV2", "DenseNet121")
MODES = {"pytorch": ("eager", "compiled"), "keras": ("traced", "xla")}

Call = Callable[[], Any]
Pair = tuple[Call, Call]
"""The original and the emitted model, each called on the same numbers."""


def pytorch(name: str, folder: Path, modes: list[str]) -> Iterator[tuple[str, Pair]]:
    import torch

    from tests.originals.export import exported
    from tests.originals.networks import ORIGINALS

    torch.set_num_threads(THREADS)
    original = ORIGINALS[name]
    module, inputs = original.module()
    path = exported(original, "plain")
    conversion = converter.convert(path, to="pytorch", out=folder, verify=False)
    model = conversion.load()
    tensors = dict(module.named_parameters()) | dict(module.named_buffers())
    model.load_state_dict({key: tensors.get(key, own) for key, own in model.state_dict().items()}, assign=True)
    arrays = feeds(inputs, {"batch": BATCH, "sequence": 32}, seed=0)
    named = {name: torch.from_numpy(array) for name, array in arrays.items()}
    given = renamed(arrays, converter.read(path))
    ordered = [torch.from_numpy(given[port.source_name]) for port in conversion.inputs]

    def call(asked: Callable, *positional: Any, **options: Any) -> Call:
        def run() -> list[Any]:
            with torch.inference_mode():
                return flat_outputs(asked(*positional, **options))

        return run

    for mode in modes:
        sides = (module, model) if mode == "eager" else (torch.compile(module), torch.compile(model))
        yield mode, (call(sides[0], **named), call(sides[1], *ordered))


def keras(name: str, folder: Path, modes: list[str]) -> Iterator[tuple[str, Pair]]:
    import keras

    keras.utils.set_random_seed(0)
    module = getattr(keras.applications, name)(weights=None)
    for variable in module.variables:  # statistics that tell, and no output that is the same for all
        if variable.path.endswith("moving_variance"):
            variable.assign(np.random.default_rng(0).uniform(0.5, 1.5, variable.shape))
    image = np.random.default_rng(0).standard_normal((BATCH, *module.input_shape[1:])).astype(np.float32)
    module(image)  # Keras exports what has been called
    folder.mkdir(parents=True)
    module.export(folder / "model.onnx", format="onnx", verbose=False)
    model = converter.convert(folder / "model.onnx", to="keras", out=folder / "emitted", verify=False).load()
    for mode in modes:
        for side in (module, model):
            side.compile(jit_compile=mode == "xla")
        yield mode, (lambda: [module.predict_on_batch(image)], lambda: [model.predict_on_batch(image)])


def seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measured(pair: Pair, rounds: int) -> tuple[float, float, float]:
    """Median seconds of the original and of the emitted model, and the median of their ratios."""
    original, emitted = pair
    answers = [[np.asarray(result) for result in call()] for call in pair]
    errors = [relative_error(found, wanted) for wanted, found in zip(*answers, strict=True)]
    if max(errors) > 1e-4:
        raise SystemExit(f"the two sides differ by {max(errors):.1e}: nothing to compare")
    for call in pair:
        call()
    old, new = [], []
    for number in range(rounds):
        for call, times in [(original, old), (emitted, new)][:: 1 if number % 2 else -1]:
            times.append(seconds(call))
    ratio = statistics.median(n / o for n, o in zip(new, old, strict=True))
    return statistics.median(old), statistics.median(new), ratio


def main() -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/inference_time.py")
    parser.add_argument("names", nargs="*", metavar="network", help=f"of {', '.join((*PYTORCH, *KERAS))}; all by default")
    parser.add_argument("--target", choices=MODES, help="both by default")
    parser.add_argument("--mode", choices=[mode for modes in MODES.values() for mode in modes], help="all by default")
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    print(f"batches of {BATCH}, {THREADS} threads, medians of {chosen.rounds} rounds; limit {LIMIT}\n")
    print(f"{'network':<20} {'target':<8} {'mode':<9} {'original':>10} {'emitted':>10} {'ratio':>6}")
    slower = False
    with tempfile.TemporaryDirectory() as folder:
        for target, names, pairs in (("pytorch", PYTORCH, pytorch), ("keras", KERAS, keras)):
            modes = [mode for mode in MODES[target] if chosen.mode in (None, mode)]
            for name in names if chosen.target in (None, target) else ():
                if chosen.names and name not in chosen.names:
                    continue
                for mode, pair in pairs(name, Path(folder) / f"{name}_{target}", modes):
                    old, new, ratio = measured(pair, chosen.rounds)
                    slower |= ratio > LIMIT
                    text = f"{old * 1e3:>7.1f} ms {new * 1e3:>7.1f} ms {ratio:>6.3f}"
                    print(f"{name:<20} {target:<8} {mode:<9} {text}", flush=True)
    sys.exit(slower)


if __name__ == "__main__":
    main()
