"""``python -m tests.sabotage [network ...] [--target keras]`` plants all faults and prints what becomes of each."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.sabotage import networks
from tests.sabotage.campaign import PLACES, Outcome, Subject, outcomes
from tests.sabotage.expectations import reason
from tests.sabotage.forking import forked

SIGNS = {"caught": "✓", "missed": "MISSED", "equivalent": "=", "refused": "refused"}


def sign(found: list[Outcome]) -> str:
    """One cell: the verdicts of a kind in a network, and whether the right layer was blamed."""
    texts = []
    for outcome in found:
        blame = {True: "", False: " (blamed wrongly)", None: ""}[outcome.blamed]
        texts.append(SIGNS[outcome.verdict] + blame)
    return " ".join(dict.fromkeys(texts))


def remarks(outcome: Outcome) -> list[str]:
    """What is to be looked at: faults that were not caught, with the reason if one is known, and wrong blame."""
    place = f"{outcome.fault} at {outcome.layer} of {outcome.network}"
    lines = []
    if outcome.verdict == "missed":
        lines.append(f"missed: {place}: {outcome.detail}")
    if outcome.verdict == "equivalent":
        lines.append(f"equivalent: {place}: {reason(outcome.fault, outcome.network) or 'no reason is given'}")
    if outcome.blamed is False:
        blame = outcome.report.blame
        layer = None if blame is None else outcome.report.layers[blame.layer]
        named = "nothing" if layer is None else f"{layer.name!r}, line {layer.line}: {layer.code}"
        lines.append(f"blamed wrongly: {place}: {named} ({'' if blame is None else blame.cause})")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    parser.add_argument("networks", nargs="*", default=[*networks.NETWORKS, *networks.EXPORTED], metavar="network")
    parser.add_argument("--target", choices=["pytorch", "keras"], default="pytorch")
    parser.add_argument("--planted", nargs="+", choices=PLACES, default=PLACES)
    parser.add_argument("--places", type=int, default=2, help="places in a network for each kind")
    parser.add_argument("-k", default="", dest="kind", metavar="TEXT", help="only kinds whose name contains it")
    given = parser.parse_args()
    console, found, sound = Console(width=200), [], {}
    with forked(), tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        for name in given.networks:
            begin, subject = time.monotonic(), Subject(name, given.target, Path(folder))
            sound[name] = subject.conversion.verify().ok
            planted = 0
            for outcome in outcomes(subject, given.places, tuple(given.planted), given.kind):
                planted += 1
                found.append(outcome)
                for line in remarks(outcome):
                    console.print(line, markup=False, highlight=False, soft_wrap=True)
            seconds = time.monotonic() - begin
            console.print(f"{name}: {planted} faults planted, {seconds / max(planted, 1):.1f} s each", style="dim")
    console.print(table(found, given.networks))
    counts = Counter(outcome.verdict for outcome in found)
    counted = counts["caught"] + counts["missed"]
    console.print(f"{len({outcome.fault for outcome in found})} kinds, {len(found)} faults: {dict(counts)}")
    console.print(f"caught: {counts['caught']} of {counted} that change an output ({counts['caught'] / max(counted, 1):.1%})")
    known = [outcome.blamed for outcome in found if outcome.blamed is not None]
    if known:
        console.print(f"blamed on the right layer: {sum(known)} of {len(known)} ({sum(known) / len(known):.1%})")
    console.print(f"false alarms: {[name for name, ok in sound.items() if not ok]}")


def table(found: list[Outcome], names: list[str]) -> Table:
    rows: dict[tuple[str, str], dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for outcome in found:
        rows[outcome.planted, outcome.fault][outcome.network].append(outcome)
    listing = Table("planted in", "fault", *names)
    for (planted, fault), cells in rows.items():
        listing.add_row(planted, fault, *(sign(cells[name]) for name in names))
    return listing


if __name__ == "__main__":
    main()
