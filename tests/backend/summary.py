"""What of the conformance suite passes: ``python -m tests.backend.summary [--target keras] [--group simple]``."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests.backend import cases


@dataclass
class Summary:
    """How many cases there are of each operator, how many pass by (operator, target), and why the others do not."""

    total: Counter[str] = field(default_factory=Counter)
    passed: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: dict[tuple[str, str], list[str]] = field(default_factory=dict)


def summarise(chosen: Iterable[cases.Case], targets: Sequence[str]) -> Summary:
    """Run the cases; whatever goes wrong is a reason."""
    summary = Summary()
    for case in chosen:
        summary.total[case.operator] += 1
        for target in targets:
            try:
                cases.run(case, target)
            except Exception as error:  # a report goes on, whatever goes wrong
                known = "(excluded) " if cases.excluded(case, target) else ""
                text = f"{known}{case.name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
                summary.reasons.setdefault((case.operator, target), []).append(text)
            else:
                summary.passed[case.operator, target] += 1
    return summary


def main() -> None:
    """Print a line for each operator: cases passed for each target, and why the first one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="operators, or the beginning of a case's name")
    parser.add_argument("--target", choices=cases.TARGETS, action="append")
    parser.add_argument("--group", choices=cases.GROUPS, action="append", help="by default node")
    parser.add_argument("--all", action="store_true", help="show every failure, not the first of each operator")
    arguments = parser.parse_args()
    targets = arguments.target or cases.TARGETS
    chosen = [
        case
        for group in arguments.group or ["node"]
        for case in cases.cases(group)
        if not arguments.names or case.operator in arguments.names or any(case.name.startswith(n) for n in arguments.names)
    ]
    summary = summarise(chosen, targets)
    for operator, total in sorted(summary.total.items()):
        print(f"{operator:28}" + "".join(f"  {target} {summary.passed[operator, target]}/{total}" for target in targets))
        for target in targets:
            for reason in summary.reasons.get((operator, target), [])[: None if arguments.all else 1]:
                print(f"    {target}: {reason}")
    for target in targets:
        print(f"{target}: {sum(summary.passed[operator, target] for operator in summary.total)} of {len(chosen)}")


if __name__ == "__main__":
    main()
