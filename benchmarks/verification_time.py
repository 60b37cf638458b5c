"""What verifying costs, in runs of both sides on the same questions: ``python benchmarks/verification_time.py MODEL.onnx ...``.

Counted are seconds of the processor, in which other programs hardly show, and of several runs the shortest. A plain run starts
nothing but what it needs: onnxruntime's session and the process of the emitted code, each once. Start-up is taken off: what
either side takes with no question.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import converter
from converter.verification import candidate
from converter.verification.judge import Judge
from converter.verification.worker import run_model

_TIMES = 9

_SHORT = 0.2
"""Seconds of both sides, below which they are lost in the differences between one start and another."""


def shortest(work: Callable[[], Any]) -> float:
    """Seconds of the processor that ``work`` takes, here and in the processes it starts: the fewest of some times."""
    return min(_seconds_of(work) for _ in range(_TIMES))


def _seconds_of(work: Callable[[], Any]) -> float:
    start = _seconds()
    work()
    return _seconds() - start


def _seconds() -> float:
    """Seconds of the processor until now."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(source: Path, target: str) -> None:
    """Print a line for one model and target."""
    with tempfile.TemporaryDirectory() as folder:
        conversion = converter.convert(source, to=target, out=Path(folder) / "model", verify=False)
        asked, ran, report = observed(conversion)
        cases = ran[0][2]
        graph, count = converter.read(source), len(conversion.outputs)

        def judge(questions: Sequence[dict[str, Any]]) -> None:
            with Judge(graph) as started:
                for inputs in questions:
                    started.answer(inputs)

        def emitted(cases: Sequence[Any]) -> None:
            run_model(target, conversion.folder, cases, count)

        plain = asked[: len(cases)]
        whole = shortest(conversion.verify)
        starts = [shortest(lambda: judge([])), shortest(lambda: emitted([]))]
        sides = [shortest(lambda: judge(plain)), shortest(lambda: emitted(cases))]
        runs = [max(side - start, 0.0) for side, start in zip(sides, starts, strict=True)]
        start = sum(starts)
        rest = max(whole - start, 0.0)
        told = f"{rest / sum(runs):4.1f} times both" if sum(runs) >= _SHORT else f"{rest:4.2f} s beside runs too short to tell"
        print(
            f"{source.stem:24} {target:8} verify {whole:6.2f} s, start-up {start:5.2f} s, onnxruntime {runs[0]:5.2f} s, "
            f"emitted {runs[1]:5.2f} s: {told}; {report.ok=}, "
            f"{len(asked)} questions to onnxruntime, {len(ran)} processes",
            flush=True,
        )


def observed(conversion: converter.Conversion) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]], converter.Report]:
    """What a verification asks onnxruntime, the runs of emitted code that it starts, and its report."""
    asked: list[dict[str, Any]] = []
    ran: list[tuple[Any, ...]] = []
    answer = Judge.answer

    def recorded(judge: Judge, inputs: dict[str, Any]) -> dict[str, Any]:
        asked.append(inputs)
        return answer(judge, inputs)

    def run(*arguments: Any, **options: Any) -> Any:
        ran.append(arguments)
        return run_model(*arguments, **options)

    Judge.answer, candidate.run_model = recorded, run
    try:
        return asked, ran, conversion.verify()
    finally:
        Judge.answer, candidate.run_model = answer, run_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--target", choices=["pytorch", "keras"], nargs="+", default=["pytorch", "keras"])
    arguments = parser.parse_args()
    if missing := [str(source) for source in arguments.models if not source.is_file()]:
        parser.error(f"there is no file {', '.join(missing)}")
    for source in arguments.models:
        for target in arguments.target:
            measure(source, target)


if __name__ == "__main__":
    main()
