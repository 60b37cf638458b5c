"""What verifying costs, in runs of both sides on the same questions: ``python benchmarks/verification_time.py MODEL.onnx ...``.

Counted are seconds of the processor, in which other programs do not show. A plain run starts nothing but what it needs:
onnxruntime's session and the process of the emitted code, each once. Start-up is taken off: what a run of the emitted code
takes with the first question alone is start-up and little else.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import converter
from converter.verification import candidate
from converter.verification.judge import Judge
from converter.verification.worker import run_model


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, here and in the processes started, and what ``work`` gives."""
    start = seconds()
    result = work()
    return seconds() - start, result


def seconds() -> float:
    """Seconds of the processor until now."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(source: Path, target: str) -> None:
    """Print a line for one model and target."""
    with tempfile.TemporaryDirectory() as folder:
        conversion = converter.convert(source, to=target, out=Path(folder) / "model", verify=False)
        asked: list[dict[str, Any]] = []
        answer = Judge.answer

        def recorded(judge: Judge, inputs: dict[str, Any]) -> dict[str, Any]:
            asked.append(inputs)
            return answer(judge, inputs)

        runs: list[tuple[Any, ...]] = []

        def run(*arguments: Any, **options: Any) -> Any:
            runs.append(arguments)
            return run_model(*arguments, **options)

        Judge.answer, candidate.run_model = recorded, run
        try:
            whole, report = timed(conversion.verify)
        finally:
            Judge.answer, candidate.run_model = answer, run_model
        cases = runs[0][2]
        plain = asked[: len(cases)]
        graph = converter.read(source)
        with Judge(graph) as judge:
            judge.answer(plain[0])  # what onnxruntime prepares once
            judged, _ = timed(lambda: [judge.answer(inputs) for inputs in plain])
        count = len(conversion.outputs)
        start, _ = timed(lambda: run_model(target, conversion.folder, cases[:1], count))
        emitted, _ = timed(lambda: run_model(target, conversion.folder, cases, count))
        both = judged + max(emitted - start, 0.0)
        print(
            f"{source.stem:24} {target:8} verify {whole:6.1f} s, start-up {start:5.1f} s, onnxruntime {judged:5.1f} s, emitted "
            f"{emitted - start:5.1f} s: {max(whole - start, 0.0) / both:4.1f} times both; {report.ok=}, {len(asked)} questions"
            f" to onnxruntime, {len(runs)} processes",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--target", choices=["pytorch", "keras"], nargs="+", default=["pytorch", "keras"])
    arguments = parser.parse_args()
    for source in arguments.models:
        for target in arguments.target:
            measure(source, target)


if __name__ == "__main__":
    main()
