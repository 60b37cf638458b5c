"""``python -m tests.sabotage [network ...] [--target keras]`` plants all faults and prints what becomes of each."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.sabotage import networks
from tests.sabotage.campaign import Outcome, Subject, outcomes
from tests.sabotage.expectations import EQUIVALENT, OPEN, reason
from tests.sabotage.forking import forked

SIGNS = {"caught": "✓", "missed": "MISSED", "equivalent": "=", "refused": "refused"}


def sign(found: list[Outcome]) -> str:
    """One cell: the verdicts of a kind in a network, and whether the right layer was blamed."""
    texts = []
    for outcome in found:
        blame = {True: "", False: " (blamed wrongly)", None: ""}[outcome.blamed]
        texts.append(SIGNS[outcome.verdict] + blame)
    return " ".join(dict.fromkeys(texts))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    parser.add_argument("networks", nargs="*", default=networks.NETWORKS, metavar="network")
    parser.add_argument("--target", choices=["pytorch", "keras"], default="pytorch")
    parser.add_argument("--planted", nargs="+", choices=["graph", "code", "weights"], default=["graph", "code", "weights"])
    parser.add_argument("--places", type=int, default=2, help="places in a network for each kind")
    given = parser.parse_args()
    console, found, sound = Console(width=200), [], {}
    with forked(), tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        for name in given.networks:
            subject = Subject(name, given.target, Path(folder))
            sound[name] = subject.conversion.verify().ok
            found += outcomes(subject, given.places, tuple(given.planted))
            console.print(f"{name}: {sum(outcome.network == name for outcome in found)} faults planted", style="dim")
    console.print(table(found, given.networks))
    for title, listed in (("missed", OPEN), ("equivalent", EQUIVALENT)):
        for outcome in (outcome for outcome in found if outcome.verdict == title):
            why = reason(listed, outcome.fault, outcome.network) or "no reason is given"
            console.print(f"{title}: {outcome.fault}, {outcome.network} {outcome.layer or ''}: {why}. {outcome.detail}")
    for outcome in (outcome for outcome in found if outcome.blamed is False):
        blame = outcome.report.blame
        named = "nothing" if blame is None else outcome.report.layers[blame.layer].name
        console.print(f"blamed wrongly: {outcome.fault}, {outcome.network}: {named!r} instead of {outcome.layer!r}")
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
