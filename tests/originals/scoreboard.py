"""How near the emitted code comes to its originals: ``python -m tests.originals.scoreboard [names] [options]``.

Each original is exported, converted and measured, and a line of a table says, for each exporter and target:

* ``lines``: lines of model.py but imports, docstrings, blank lines and comments / the limit, ``!`` above it; then without
  ``load_model`` and the main guard, and without copied helpers as well
* ``keys``: state-dict keys of the original that the emitted module has in the same shape / all; ``same`` with the same numbers;
  ``+`` keys that the original has not (PyTorch)
* ``transposes``: written / run at one call (Keras), written (PyTorch)
* ``error``: largest error against the original module's own outputs, by the largest number, at another size than the export's
* ``x17``, ``named_17``: names of a letter and a number, and any that end in a number, that the original's source does not have
* ``ruff`` (default rules and N), ``mypy`` (default)
* ``gradients``: parameters whose gradient is equal / those of the original; ``idle`` emitted parameters without a gradient
  (PyTorch; not where the optimiser folded BatchNorm into convolutions)
* ``BatchNorm``: layers of it / the original's, and the error of outputs in training mode, and of the running statistics
  that follow (of how many)

``--details`` says below the table which keys, names and findings these are; ``scores.json`` beside the emitted code has all.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import converter
from converter.conversion import Conversion
from converter.errors import ConversionError
from tests.originals import code as reading
from tests.originals import measures
from tests.originals.export import EXPORTERS, arguments, exported, folder
from tests.originals.networks import ORIGINALS, Original

TARGETS = ("pytorch", "keras")


@dataclass
class Score:
    """What was found for one network, exporter and target; None where it was not reached or is not asked."""

    network: str
    exporter: str
    target: str
    limit: int
    result: str = ""
    reasons: list[str] = field(default_factory=list)
    seconds: float = 0.0
    lines: reading.Lines | None = None
    transposes: tuple[int, int | None] | None = None
    error: float | None = None
    keys: measures.Keys | None = None
    letters: list[str] | None = None
    numbered: list[str] | None = None
    ruff: dict[str, int] | None = None
    mypy: dict[str, int] | None = None
    gradients: measures.Gradients | None = None
    training: measures.Training | None = None


def score(original: Original, exporter: str, target: str, out: Path, *, verify: bool = False) -> Score:
    """Convert and measure. What goes wrong is a result, with its reason, and leaves the rest of the table standing."""
    found = Score(original.name, exporter, target, original.limit)
    try:
        path = exported(original, exporter)
    except Exception as error:
        return _failed(found, "not exported", error)
    start = time.perf_counter()
    try:
        conversion = converter.convert(path, to=target, out=out, verify=verify)
    except ConversionError as error:
        found.result, found.reasons = "refused", [str(problem) for problem in error.problems]
        return found
    except Exception as error:
        return _failed(found, "crashed", error)
    found.seconds = time.perf_counter() - start
    found.result = "converted" if conversion.report is None or conversion.report.ok else "NOT EQUAL"
    module, inputs = original.module()
    _read(found, out / "model.py", module)
    feeds = arguments(original, inputs, 1)
    try:
        _run(found, conversion, module, feeds)
    except Exception as error:
        return _failed(found, "measuring failed", error)
    return found


def _failed(found: Score, result: str, error: Exception) -> Score:
    found.result = result
    found.reasons = [f"{type(error).__name__}: {str(error)[:800]}", *traceback.format_tb(error.__traceback__)[-2:]]
    return found


def _read(found: Score, path: Path, module: Any) -> None:
    text = path.read_text(encoding="utf-8")
    names = reading.source_names(module)
    found.lines = reading.model_code_lines(text)
    found.transposes = reading.transposes(text), None
    found.letters, found.numbered = reading.letter_numbers(text, names), reading.numbered(text, names)
    found.ruff, found.mypy = reading.ruff_findings(path), reading.mypy_findings(path)


def _run(found: Score, conversion: Conversion, module: Any, feeds: dict[str, Any]) -> None:
    if found.target == "keras":
        with measures.counted_transposes() as asked:
            model = conversion._model = conversion.load()
            if not type(model).__module__.startswith("keras."):  # a subclass, not a functional model
                measures.called_keras(model, conversion, feeds, training=False)
        found.transposes = found.transposes[0], len(asked)
    else:
        model = conversion._model = conversion.load()
        found.keys = measures.state_keys(model, module)
    found.error = measures.output_error(conversion, module, feeds)
    if found.target == "keras":
        found.training = measures.batch_norm_keras(model, module, conversion, feeds)
    else:
        found.training = measures.batch_norm_pytorch(model, module, feeds)
        if found.exporter != "dynamo" or not found.training.original:
            found.gradients = measures.gradients(model, module, feeds)


# The table -------------------------------------------------------------------------------------------------------------------

HEAD = (
    "network", "exporter", "target", "result", "lines", "keys", "transposes", "error", "x17", "named_17", "ruff", "mypy",
    "gradients", "BatchNorm",
)  # fmt: skip


def cells(found: Score) -> list[str]:
    """The line of the table; ``-`` where nothing was asked."""

    def say(value: Any, text: Any) -> str:
        return "-" if value is None else str(text(value))

    return [
        found.network,
        found.exporter,
        found.target,
        found.result,
        say(found.lines, lambda n: f"{n.code}/{found.limit}{'' if n.code <= found.limit else '!'} ({n.own}, {n.network})"),
        say(found.keys, lambda k: f"{k.equal}/{k.original}, {k.same_values} same, +{len(k.added)}"),
        say(found.transposes, lambda n: f"{n[0]}" if n[1] is None else f"{n[0]}/{n[1]}"),
        say(found.error, lambda e: f"{e:.0e}"),
        say(found.letters, len),
        say(found.numbered, len),
        say(found.ruff, lambda c: sum(c.values())),
        say(found.mypy, lambda c: sum(c.values())),
        say(found.gradients, lambda g: f"{g.equal}/{g.original}, {len(g.without)} idle"),
        say(found.training, _training),
    ]


def _training(found: measures.Training) -> str:
    text = f"{found.emitted}/{found.original}"
    if found.output_error == found.output_error:
        text += f", {found.output_error:.0e}"
    if found.statistics_error == found.statistics_error:
        text += f", {found.statistics_error:.0e} ({found.statistics})"
    return text


def table(scores: list[Score]) -> str:
    rows = [HEAD, *(cells(found) for found in scores)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def details(found: Score) -> str:
    """What stands behind the numbers of a line, some examples of each."""
    parts = {
        "reasons": found.reasons,
        "keys missing": found.keys and found.keys.missing,
        "keys added": found.keys and found.keys.added,
        "x17": found.letters,
        "named_17": found.numbered,
        "ruff": found.ruff and [f"{rule} {count}" for rule, count in found.ruff.items()],
        "mypy": found.mypy and [f"{rule} {count}" for rule, count in found.mypy.items()],
        "gradients different": found.gradients and found.gradients.different,
        "no gradient": found.gradients and found.gradients.without,
    }
    told = [f"  {what}: {_some(items)}" for what, items in parts.items() if items]
    return "\n".join([f"{found.network}.{found.exporter} to {found.target}, {found.seconds:.0f} s", *told])


def _some(items: list[str], most: int = 6) -> str:
    return "; ".join(items[:most]) + (f"; and {len(items) - most} more" if len(items) > most else "")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.originals.scoreboard", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="network", help=f"of {', '.join(ORIGINALS)}; all by default")
    parser.add_argument("--target", choices=TARGETS, action="append", help="may be given twice; both by default")
    parser.add_argument("--exporter", choices=EXPORTERS, action="append", help="may be given again; all by default")
    parser.add_argument("--verify", action="store_true", help="verify each conversion with onnxruntime as well")
    parser.add_argument("--details", action="store_true", help="say which keys, names and findings are counted")
    parser.add_argument("--out", type=Path, default=folder() / "emitted", help="the folder that keeps what is emitted")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - ORIGINALS.keys():
        parser.error(f"there is no network {', '.join(sorted(unknown))}; choose of {', '.join(ORIGINALS)}")
    scores = []
    for original in [ORIGINALS[name] for name in chosen.names] or ORIGINALS.values():
        if missing := original.missing():
            print(f"{original.name}: {missing} is not installed")
            continue
        for exporter in chosen.exporter or EXPORTERS:
            for target in chosen.target or TARGETS:
                out = chosen.out / f"{original.name}_{exporter}_{target}"
                scores.append(score(original, exporter, target, out, verify=chosen.verify))
                print(" | ".join(cells(scores[-1])), flush=True)
                chosen.out.mkdir(parents=True, exist_ok=True)
                (chosen.out / "scores.json").write_text(json.dumps([asdict(found) for found in scores], indent=1))
                gc.collect()
    print(f"\n{table(scores)}")
    if chosen.details:
        print("", *map(details, scores), sep="\n")


if __name__ == "__main__":
    main()
