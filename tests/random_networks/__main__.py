"""``python -m tests.random_networks KIND FIRST COUNT``: verifies so many random networks, and prints those that fail."""

from __future__ import annotations

import argparse
import collections

import onnx

from tests.random_networks.campaign import KINDS, network, outcomes
from tests.sabotage.forking import forked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("first", type=int, help="the first seed")
    parser.add_argument("count", type=int)
    parser.add_argument("--target", choices=["pytorch", "keras"], nargs="+", default=["pytorch", "keras"])
    parser.add_argument("--keep", help="a folder for the files of networks that fail")
    arguments = parser.parse_args()
    counted: collections.Counter[str] = collections.Counter()
    with forked():
        for seed in range(arguments.first, arguments.first + arguments.count):
            for outcome in outcomes(arguments.kind, seed, tuple(arguments.target)):
                counted[f"{outcome.target} {outcome.result}"] += 1
                if outcome.result == "failed":
                    print(f"{outcome.kind} {seed} {outcome.target}: {outcome.reason}", flush=True)
                    if arguments.keep:
                        onnx.save(network(outcome.kind, seed), f"{arguments.keep}/{outcome.kind}_{seed}.onnx")
    print(dict(sorted(counted.items())))


if __name__ == "__main__":
    main()
