"""Loops over a list of modules: each is called on what the one before gave."""

from __future__ import annotations

import ast
from itertools import pairwise

from converter.emitters.blocks import Clause, Compound, Statement, trees, variable, variables
from converter.emitters.expressions import own
from converter.emitters.structure.calls import Call, called, reads
from converter.graph import Value


def looped(
    each: Call, items: list[Statement | Compound], outputs: list[Value], paths: list[str]
) -> tuple[list[Statement | Compound], list[Value]]:
    """(the call's items, its outputs) with a loop where all modules of a list are called, each on what the one before gave."""
    lists: dict[str, list[str]] = {}
    for path in paths:
        above, _, last = path.rpartition(".")
        if last.isdigit() and each.relative(above) is not None:
            lists.setdefault(above, []).append(path)
    for above, members in list(lists.items()):
        inside = [path for path in paths if path.startswith(f"{above}.")]
        if inside != members or [path.rpartition(".")[2] for path in members] != [str(n) for n in range(len(members))]:
            del lists[above]
    items, start = list(items), 0
    while start < len(items):
        path = called(items[start])
        members = lists.get(path.rpartition(".")[0], []) if path is not None else []
        run = items[start : start + len(members)]
        if len(members) > 1 and [called(item) for item in run] == members and _chained(run, items, outputs):
            first, last = run[0].tree.args[0].value, run[-1].targets[0]
            state, before = first, []
            if any(first in reads([item]) for item in items[start + len(run) :]) or first in outputs:
                state = Value(first.name, first.dtype, first.shape)
                before = [Statement([state], variable(first), None, run[0].scope)]
            element = Value(_singular(path.rpartition(".")[0].rpartition(".")[2]))
            arguments = [variable(state), *run[0].tree.args[1:]]
            body = Statement([state], ast.Call(variable(element), arguments, []), None, run[0].scope)
            loop = Compound([Clause("for", own(path.rpartition(".")[0]), [body], [element])], None, run[0].scope)
            items[start : start + len(run)] = [*before, loop]
            for name in (name for tree in trees(items) for name in variables(tree)):
                name.value = state if name.value is last else name.value
            outputs = [state if value is last else value for value in outputs]
            start += len(before)
        start += 1
    return items, outputs


def _singular(name: str) -> str:
    """What an element of a list is called: "layer" of "layers", "block" of "h"."""
    return "block" if len(name) == 1 else name.removesuffix("s")


def _chained(run: list[Statement], items: list[Statement | Compound], outputs: list[Value]) -> bool:
    """Whether each statement of the run has what the one before gave, which nothing else reads, and the same further inputs."""
    rest = [argument.value for argument in run[0].tree.args[1:]]
    for previous, item in pairwise(run):
        given = previous.targets[0]
        readers = [other for other in items if given in reads([other])]
        first, *others = (argument.value for argument in item.tree.args)
        if first is not given or others != rest or readers != [item] or given in outputs:
            return False
    return True
