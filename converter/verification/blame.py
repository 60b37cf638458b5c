"""Finds the first layer whose result differs: between the source file and the graph, or between the graph and the code.

onnxruntime computes every intermediate value of the source file and of the graph, the emitted code runs once more with all
that its lines compute recorded (``trace.py``). A layer is to blame where its result differs although what it is computed from
does not. Small errors grow from layer to layer, so whether a layer computes something else is asked of it alone: onnxruntime
runs the one node on the numbers that the emitted code had at that place.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converter.emitters.layout import Plan
from converter.functions import DOMAIN
from converter.graph import Graph, Node, Value, Weight
from converter.verification import bodies, causes, reference
from converter.verification.alignment import Alignment, Match, error, magnitude, numeric
from converter.verification.compare import Tolerance, difference, share_beyond, tolerance_of
from converter.verification.inputs import Question
from converter.verification.judge import ERRORS, Judge
from converter.verification.layers import Blame, Layer, Stage
from converter.verification.limits import LIMITS, Limits
from converter.verification.visible import visible
from converter.verification.worker import Trace, trace_model

BUDGET = 2**31
"""Bytes of intermediate values that are held of each side."""

_LOCAL = 2e-5
"""Relative error of one float32 layer on the same numbers: sums in another order, and functions computed otherwise."""

_INSIDE = 20.0
"""Seconds for the nodes that the emitted code computes in one layer with the one that differs."""

_TIES = 0.02
"""Share of the numbers rounded to integers that may be one quantum away, because the last bit decides."""


def look_inside(
    graph: Graph,
    target: str,
    folder: Path,
    weights: Mapping[str, Weight],
    judge: Judge,
    question: Question,
    stored: Sequence[Any],
    differing: Sequence[Value],
    *,
    fresh: bool = False,
    limits: Limits = LIMITS,
) -> tuple[list[Layer], Blame | None]:
    """The layers of the emitted code in one case, and the first that differs, looked for where ``differing`` names outputs,
    weights are not the source's or the code does not run.

    ``stored`` are the inputs as the code takes them. Raises RunError where the code cannot be traced.
    """
    values = reference.of_graph(graph, question.inputs, BUDGET)
    source: dict[str, Any] = {}
    if graph.source.model is not None:
        names = [value.name for node in graph.nodes for value in node.outputs if value is not None]
        try:
            source = reference.of_model(judge.model, names, question.inputs, BUDGET)
        except ERRORS:  # it fixes a batch of one that was freed, say
            source = {}
    trace = None
    if target != "onnx":
        trace = trace_model(target, folder, stored, len(graph.outputs), weights, fresh=fresh, budget=BUDGET, limits=limits)
    shown = visible(graph, target)
    comparison = Comparison(graph, shown, _lines(folder), weights, question.name, trace, values, source)
    if source:
        comparison.model, comparison.given = judge.model, question.inputs
    comparison.find(differing)
    is_wrong = bool(differing) or (trace is not None and (trace.raised is not None or bool(trace.weights)))
    found = comparison.blame if is_wrong else None
    return comparison.layers, found


class Comparison:
    """One case, layer by layer. ``layers`` has a row for each node of ``graph``, ``blame`` the first that differs."""

    def __init__(
        self,
        graph: Graph,
        shown: tuple[set[Value], Plan],
        text: Sequence[str],
        weights: Mapping[str, Weight],
        case: str,
        trace: Trace | None,
        values: Mapping[Value, Any],
        source: Mapping[str, Any],
        around: Comparison | None = None,
    ):
        self.graph, self.case, self.trace, self._around = graph, case, trace, around
        self._whole: Graph = graph if around is None else around._whole
        self.model: str | Path | bytes | None = None
        """The source, where its values are known."""
        self.given: Mapping[str, Any] = {}
        """The inputs of the case."""
        self._values = values
        self._source = {
            value: _like(source[value.name], values.get(value), value)
            for node in graph.nodes
            for value in node.outputs
            if value is not None and numeric(source.get(value.name))
        }
        self._visible, self._plan = shown
        self._alignment = Alignment(trace.entries if trace is not None else [])
        self._text = text
        self._weights = weights
        self._matches: dict[Value, Match] = {} if around is None else dict(around._matches)
        self._known: set[int] = set()
        self._tolerances: dict[Value, Tolerance] = {}
        self._rows = {node: place for place, node in enumerate(graph.nodes)}
        self.layers = [self._row(node) for node in graph.nodes]
        self._align()
        self._judged: dict[Node, bool] = {}
        self.blame: Blame | None = None
        self._blamed: Node | None = None

    # Rows

    def _row(self, node: Node) -> Layer:
        value = next((value for value in node.outputs if value is not None), None)
        array = self._values.get(value)
        producers = [read.producer for read in node.reads() if read.producer in self._rows]
        return Layer(
            node.name or node.origin,
            node.op_type,
            node.scope[-1].path if node.scope else "",
            list(dict.fromkeys(self._rows[producer] for producer in producers)),
            "" if value is None else value.name,
            tuple(getattr(array, "shape", ()))
            or tuple(size if isinstance(size, int) else 0 for size in (value.shape or ()) if value is not None),
        )

    def _align(self) -> None:
        for value in self.graph.inputs:
            self._match(value, [])
        for node in self.graph.nodes:
            before = [self._matches[value].entry for value in node.reads() if value in self._matches]
            for value in node.outputs:
                if value is not None:
                    self._match(value, before)
            seen = [self._matches[value] for value in node.outputs if value in self._matches]
            if seen:
                self._fill(node, max(seen, key=lambda match: match.relative))

    def _match(self, value: Value, before: Sequence[int]) -> None:
        match = self._alignment.match(self._values.get(value), self._plan.of(value), before)
        if match is not None:
            self._matches[value] = match

    def _fill(self, node: Node, match: Match) -> None:
        """What is seen of a node's result."""
        row, expected = self.layers[self._rows[node]], self._expected(node, match)
        self._place(row, match.entry)
        found = difference(match.array.astype(expected.dtype), expected)
        row.absolute, row.relative = found.absolute, found.relative
        row.verdict = "equal" if self._within(node, found.relative, found.absolute) else "differs"

    def _expected(self, node: Node, match: Match) -> np.ndarray:
        value = next((value for value in node.outputs if self._matches.get(value) is match), node.outputs[0])
        return self._values[value]

    def _place(self, row: Layer, place: int) -> None:
        entry = self._alignment.entries[place]
        row.constructor = entry.constructor
        row.line = entry.line if entry.line is not None else entry.constructor
        row.code = self._code(row.line)

    def _code(self, line: int | None) -> str:
        return self._text[line - 1].strip() if line is not None and 0 < line <= len(self._text) else ""

    def _within(self, node: Node, relative: float, absolute: float) -> bool:
        value = next(value for value in node.outputs if value is not None)
        dtype = getattr(self._values.get(value), "dtype", None)
        tolerance = self._tolerance(value, dtype)
        return relative <= max(tolerance.relative, 1e-6 if dtype is not None and dtype.kind == "f" else 0) or (
            absolute <= tolerance.absolute
        )

    def _tolerance(self, value: Value, dtype: Any) -> Tolerance:
        if value not in self._tolerances:
            self._tolerances[value] = tolerance_of(self._whole, dtype, value)
        return self._tolerances[value]

    # The first to differ

    def find(self, outputs: Sequence[Value] = ()) -> None:
        """Set ``blame``; ``outputs`` are those that differ. Rows whose error is rounding that grew are equal."""
        self.blame = self._in_reading() or self._in_writing() or self._in_overwriting() or self._in_returning(outputs)
        if self.blame is not None:
            self._mark(self._blamed, self.blame.stage)

    def _mark(self, blamed: Node, stage: str) -> None:
        """The layers behind the blamed one that differ with it."""
        tainted = {value for value in blamed.outputs if value is not None}
        for node in self.graph.nodes[self._rows[blamed] + 1 :]:
            if not any(value in tainted for value in node.reads()):
                continue
            row, values = self.layers[self._rows[node]], [value for value in node.outputs if value is not None]
            if stage == "reading":
                pairs = [(self._values.get(value), self._source.get(value)) for value in values]
                told = [(mine, right) for mine, right in pairs if numeric(mine) and numeric(right)]
                found = [difference(mine, right) for mine, right in told]
                if told and not any(self._apart(mine, right, v) for (mine, right), v in zip(told, values, strict=False)):
                    continue
                if found:
                    worst = max(found, key=lambda each: each.relative)
                    row.absolute, row.relative, row.verdict = worst.absolute, worst.relative, "differs"
            elif all(self._is_near(value) for value in values):
                continue
            elif any(value in self._visible for value in values):
                row.verdict = "differs"
                row.absolute = math.inf if row.absolute is None else row.absolute
                row.relative = math.inf if row.relative is None else row.relative
            tainted.update(values)

    def _in_reading(self) -> Blame | None:
        """The first node whose result is not the source's, although it would be for what the source computes it from."""
        known = self._source

        def differs(value: Value) -> bool:
            mine = self._values.get(value)
            return value in known and (not numeric(mine) or self._apart(mine, known[value], value))

        if not any(differs(value) for value in self.graph.outputs):
            return None
        for node in self.graph.nodes:
            for index, value in enumerate(node.outputs):
                if not differs(value):
                    continue
                inputs = [known[v] if v in known else reference.numbers(v, self._values) for v in node.inputs]
                right = functools.partial(reference.numbers, values={**self._values, **known})
                alone = self._alone(node, right)
                if alone is not None and not self._apart(alone[index], known[value], value, local=True):
                    continue
                if (inside := self._in_body(node, "reading", right)) is not None:
                    return inside
                cause = causes.reading(node, inputs, index, known[value])
                return self._blame(node, "reading", known[value], self._values.get(value), cause)
        return None

    def _apart(self, actual: np.ndarray, expected: np.ndarray, value: Value, *, local: bool = False) -> bool:
        if actual.shape != expected.shape:
            return True
        found = difference(np.asarray(actual).astype(expected.dtype), expected)
        tolerance = self._tolerance(value, expected.dtype)
        relative = max(tolerance.relative, _LOCAL) if expected.dtype.kind == "f" and local else tolerance.relative
        if found.relative <= relative:
            return False
        if found.absolute > tolerance.absolute:
            return True
        return share_beyond(np.asarray(actual).astype(expected.dtype), expected, relative) > _TIES

    def _in_writing(self) -> Blame | None:
        if self.trace is None:
            return None
        wrong = self._wrong_weights()
        tainted: set[Value] = set()
        for node in self.graph.nodes:
            outputs = [value for value in node.outputs if value is not None]
            touched = any(value in tainted for value in node.reads())
            if node in wrong and not touched and not all(map(self._is_near, self._shown(outputs))):
                return self._accuse(node, wrong[node])
            for value in outputs:
                match = self._matches.get(value)
                if match is None and value in self._visible and numeric(self._values.get(value)):
                    if not self._is_passed_over(value) and not touched:
                        return self._accuse(node)
                    tainted.add(value)
                elif match is not None and not self._is_near(value):
                    if not self._computes(node):
                        return self._accuse(node)
                    if touched:
                        tainted.add(value)
                    else:
                        self.layers[self._rows[node]].verdict = "equal"
                elif match is None and touched:
                    tainted.add(value)
        unread = next(iter(sorted(wrong, key=lambda node: self._rows[node])), None)
        return None if unread is None else self._accuse(unread, wrong[unread])

    def _is_near(self, value: Value) -> bool:
        match = self._matches.get(value)
        return match is not None and not self._apart(match.array, self._values[value], value)

    def _is_passed_over(self, value: Value) -> bool:
        """Whether all that reads a value is as it should be: then it is only that the value itself was not recognised."""
        results = self._seen_behind(value)
        return bool(results) and value not in self.graph.outputs and all(each in self._matches for each in results)

    def _seen_behind(self, value: Value) -> set[Value]:
        """The nearest values computed from this one that the emitted code has a tensor for."""
        found: set[Value] = set()
        for node, _ in value.users:
            for each in node.outputs:
                if each is not None:
                    found |= {each} if each in self._visible else self._seen_behind(each)
        return found

    def _shown(self, values: Sequence[Value]) -> set[Value]:
        """What the emitted code has a tensor for: those of the values, or what is computed from them."""
        seen = {value for value in values if value in self._visible}
        return seen or {each for value in values for each in self._seen_behind(value)}

    def _held(self, value: Value | None, depth: int = 20) -> Any:
        """What the emitted code had for a value; where it has no tensor for it, what that should be, given what it had."""
        match = self._matches.get(value)
        if match is not None:
            return match.array.astype(self._values[value].dtype)
        own = reference.numbers(value, self._values)
        node = None if value is None else value.producer
        if node not in self._rows or value in self._visible or not depth or not numeric(own) or own.dtype.kind != "f":
            return own
        results = reference.of_node(node, [self._held(each, depth - 1) for each in node.inputs])
        return own if results is None else results[node.outputs.index(value)]

    def _computes(self, node: Node) -> bool:
        """Whether the emitted code computes the node's results from what it had as inputs."""
        if node not in self._judged:
            results = self._alone(node, self._held)
            pairs = zip(node.outputs, results or (), strict=False)
            self._judged[node] = results is None or not any(
                self._apart(self._matches[value].array, result, value, local=True)
                for value, result in pairs
                if value in self._matches and numeric(result)
            )
        return self._judged[node]

    def _alone(self, node: Node, numbers: Callable[[Value | None], Any]) -> list[Any] | None:
        """What the node gives for the numbers of what it reads."""
        if any(node.subgraphs()):
            return bodies.of_node(node, numbers, BUDGET)
        return reference.of_node(node, [numbers(value) for value in node.inputs])

    def _in_body(self, node: Node, stage: Stage, numbers: Callable[[Value | None], Any]) -> Blame | None:
        """The blame for a layer inside a loop or a branch that is to blame; its layers are listed behind the others then.

        ``numbers`` are those around it, the source's or what the emitted code had.
        """
        if stage == "writing":
            rounds, trace = bodies.rounds(node, numbers, BUDGET), self.trace
        else:
            if self.model is None:
                return None
            rounds, trace = bodies.in_source(node, self.model, self.given, numbers, BUDGET), None
        for number, each in enumerate(rounds):
            case = self.case if node.op_type == "If" else f"{self.case}, round {number} of {node.name or node.origin!r}"
            shown = self._visible, self._plan
            inner = Comparison(each.body, shown, self._text, self._weights, case, trace, each.values, each.source, self)
            inner.find()
            if inner.blame is None:
                continue
            if number and stage == "writing" and not inner._is_run():
                return None
            self._blamed, count = node, len(self.layers)
            self.layers[self._rows[node]].verdict = "differs"
            for row in inner.layers:
                row.inputs = [place + count for place in row.inputs]
            self.layers += inner.layers
            return dataclasses.replace(inner.blame, layer=inner.blame.layer + count)
        return None

    def _is_run(self) -> bool:
        """Whether anything in here was computed: the emitted code may have made fewer rounds."""
        values = [value for node in self.graph.nodes for value in node.outputs if value in self._visible]
        return any(self._is_near(value) for value in values if self._values[value].dtype.kind == "f")

    def _accuse(self, node: Node, cause: str = "") -> Blame:
        """The node is to blame: what its result became, and why."""
        if any(node.subgraphs()) and (inside := self._in_body(node, "writing", self._held)) is not None:
            return inside
        values = [value for value in node.outputs if value is not None and numeric(self._values.get(value))]
        value = next((v for v in values if v in self._visible and not self._is_near(v)), values[0] if values else None)
        if value is not None and not any(each in self._visible for each in values) and cause:
            return self._accuse_inside(node, value, cause)
        inputs = [reference.numbers(each, self._values) for each in node.inputs]
        after = [self._matches[each].entry for each in node.reads() if each in self._matches]
        row = self.layers[self._rows[node]]
        raised = self.trace.raised
        unknown = self._unknown(after)
        match = self._matches.get(value)
        if value is None:
            return self._blame(node, "writing", None, None, cause)
        tensors = {place: self._alignment.entries[place].array for place in unknown[:12]}
        if match is None:
            match = self._alignment.resembling(self._values[value], self._plan.of(value), list(tensors))
        if match is not None and (before := self._behind(node, value, match)) is not None:
            return before
        candidates = list(dict.fromkeys([*([] if match is None else [match.entry]), *tensors]))
        place = match.entry if match is not None else self._last_of_line(candidates)
        if not cause:
            arrays = [self._alignment.entries[each].array for each in candidates]
            cause, which = causes.writing(node, inputs, node.outputs.index(value), arrays, self._plan.of(value))
            if which is not None:
                place = candidates[which]
                match = match if match is not None and place == match.entry else None
            else:
                cause = causes.left_out(node, inputs, value, self._values, arrays)
                match = None if cause else match
            if not cause and (inside := self._inside(node, value, arrays)) is not None:
                self._place(self.layers[self._rows[inside[0]]], candidates[inside[2]])
                return self._blame(inside[0], "writing", self._values[inside[0].outputs[0]], None, inside[1])
        if place is not None:
            self._place(row, place)
        elif raised is not None:
            row.line = raised["lines"][-1] if raised["lines"] else None
            row.code = self._code(row.line)
            cause = cause or f"there the code ends with {raised['message']}"
        found = None if match is None else match.array
        if found is None and not cause:
            shapes = {tuple(getattr(array, "shape", ())) for array in inputs}
            if raised is None and self._values[value].shape in shapes:
                cause = "as if it were left out"
            elif place is not None:
                cause = f"its shape is {self._alignment.entries[place].array.shape} in the emitted code"
        return self._blame(node, "writing", self._values[value], found, cause)

    def _inside(self, node: Node, value: Value, tensors: Sequence[np.ndarray]) -> tuple[Node, str, int] | None:
        """Of the nodes that the emitted code computes in one with the given one, the one that, with one thing changed, gives
        what one of the tensors holds: (the node, the cause, which tensor)."""
        group = self._computed_with(node)
        floating = [each for each in group if len(each.outputs) == 1 and self._values[each.outputs[0]].dtype.kind == "f"]
        end = time.monotonic() + _INSIDE
        for number, each in enumerate(reversed(floating)):
            inputs = [self._held(given) for given in each.inputs]
            onward = functools.partial(self._onward, each, [*group[group.index(each) + 1 :], node], value)
            seconds = max(end - time.monotonic(), 0) / (len(floating) - number)
            cause, which = causes.writing(each, inputs, 0, tensors, self._plan.of(value), onward, seconds)
            if which is not None:
                return each, cause, which
        return None

    def _computed_with(self, node: Node) -> list[Node]:
        """The nodes that compute what a node reads from what the emitted code has tensors for, in order."""
        found, ahead = set(), [node]
        while ahead:
            for value in ahead.pop().reads():
                maker = value.producer
                if value in self._visible or not numeric(self._values.get(value)):
                    continue
                if maker in self._rows and maker not in found:
                    found.add(maker)
                    ahead.append(maker)
        return sorted(found, key=lambda each: self._rows[each])

    def _onward(self, changed: Node, nodes: Sequence[Node], value: Value, result: np.ndarray) -> Any:
        """What a value is if the node ``changed`` gives ``result``: ``nodes`` are those behind it, in order."""
        known: dict[Value, Any] = {changed.outputs[0]: result}
        for node in nodes:
            if any(each in known for each in node.inputs):
                inputs = [known[each] if each in known else self._held(each) for each in node.inputs]
                results = reference.of_node(node, inputs)
                if results is None:
                    return None
                known |= {each: array for each, array in zip(node.outputs, results, strict=False) if each is not None}
        return known.get(value)

    def _accuse_inside(self, node: Node, value: Value, cause: str) -> Blame:
        """The blame for a node that the emitted code computes together with others: it has a tensor of their result alone."""
        shown = next((each for each in self._shown([value]) if not self._is_near(each)), None)
        if shown is not None:
            after = [self._matches[each].entry for each in shown.producer.reads() if each in self._matches]
            match = self._matches.get(shown)
            if match is None:
                match = self._alignment.resembling(self._values[shown], self._plan.of(shown), self._unknown(after)[:12])
            if match is not None:
                self._place(self.layers[self._rows[node]], match.entry)
        return self._blame(node, "writing", self._values[value], None, cause)

    def _last_of_line(self, places: Sequence[int]) -> int | None:
        """The last of those that stand in one line with the first."""
        lines = [self._alignment.entries[place].line for place in places]
        return max((place for place, line in zip(places, lines, strict=True) if line == lines[0]), default=None)

    def _behind(self, node: Node, value: Value, match: Match) -> Blame | None:
        """The blame for what one of the node's inputs became after it was as it should be, where the node computes what was
        found from that."""
        index = node.outputs.index(value)
        for place, given in enumerate(node.inputs):
            known = self._matches.get(given)
            if known is None or given.producer not in self._rows:
                continue
            later = [each for each in self._unknown([known.entry]) if known.entry < each < match.entry]
            became = self._alignment.resembling(self._values[given], self._plan.of(given), later[:12])
            if became is None or became.relative <= _LOCAL:
                continue
            inputs = [became.array if i == place else reference.numbers(v, self._values) for i, v in enumerate(node.inputs)]
            results = reference.of_node(node, inputs)
            if results is not None and not self._apart(match.array, results[index], value, local=True):
                self._known |= {known.entry}
                self._matches[given] = became
                return self._accuse(given.producer)
        return None

    def _unknown(self, after: Sequence[int]) -> list[int]:
        """The tensors that are no value of the graph as it should be, computed from given ones, in order."""
        known = self._known | {match.entry for match in self._matches.values()}
        start = max(after, default=-1)
        entries = self._alignment.entries
        reached, found = set(after), []
        for place, entry in enumerate(entries):
            if any(other in reached for other in entry.operands) and place not in known:
                reached.add(place)
                if numeric(entry.array):
                    found.append(place)
        later = [place for place in found if place > start] or found
        return later or [p for p in range(start + 1, len(entries)) if p not in known and numeric(entries[p].array)]

    def _wrong_weights(self) -> dict[Node, str]:
        """The nodes whose weights in the folder are not the source's, each with what is wrong."""
        found: dict[Node, str] = {}
        for row in self.trace.weights:
            weight = self._weights.get(row["key"])
            if weight is None:
                continue
            for node in self.graph.nodes:
                reads = [value.weight for value in node.reads() if value.weight is not None]
                if any(each.origin is weight.origin or (each.name and each.name == weight.name) for each in reads):
                    found.setdefault(node, _said(row))
        return found

    def _in_overwriting(self) -> Blame | None:
        """The first layer that writes over what another reads after it."""
        entries = self._alignment.entries
        for place, entry in enumerate(entries):
            if not entry.over or not any(set(later.operands) & set(entry.operands) for later in entries[place + 1 :]):
                continue
            node = next((node for node in self._rows for v in node.outputs if self._entry_of(v) == place), None)
            if node is not None:
                return self._blame(node, "writing", None, None, "it is written over its input, which is read again")
        return None

    def _entry_of(self, value: Value | None) -> int | None:
        return self._matches[value].entry if value in self._matches else None

    def _in_returning(self, outputs: Sequence[Value]) -> Blame | None:
        """The first layer whose result is computed as it should be, but not returned in its place."""
        if self.trace is None or self._around is not None:
            return None
        returned = self._returned() or []
        own = [(place, value) for place, value in enumerate(self.graph.outputs) if value in outputs and self._is_near(value)]
        own = [(place, value) for place, value in own if value.producer in self._rows]
        count = len(self.graph.outputs)
        for place, value in own:
            found = [at for at, array in enumerate(returned) if self._is_value(array, value)]
            if place not in found:
                return self._not_in_place(place, value, found, returned)
        for place, array in enumerate(returned[count:], count):
            value = self._known_as(array)
            if value is not None:
                cause = f"the model returns it as output {place} too, where the source has {count} outputs"
                return self._blame(value.producer, "writing", None, None, cause)
        for _, value in own:
            cause = "it is computed as it should be, but the model returns something else in its place"
            return self._blame(value.producer, "writing", self._values[value], None, cause)
        return None

    def _returned(self) -> list[Any] | None:
        """What the model gave back; a tuple of a model with one output by its items."""
        returned = self.trace.returned
        if returned is not None and len(self.graph.outputs) == 1 and len(returned) == 1 and isinstance(returned[0], list):
            return returned[0]
        return returned

    def _is_value(self, array: Any, value: Value) -> bool:
        """Whether an array in stored axis order is what the code computed for the value."""
        stored = self._alignment.entries[self._matches[value].entry].array
        return numeric(array) and array.shape == stored.shape and error(array, stored, magnitude(stored)) <= _LOCAL

    def _known_as(self, array: Any) -> Value | None:
        """The value that an array is, the last to be computed."""
        return next((v for v in reversed(self._matches) if v.producer in self._rows and self._is_value(array, v)), None)

    def _not_in_place(self, place: int, value: Value, found: Sequence[int], returned: Sequence[Any]) -> Blame:
        instead = self._known_as(returned[place]) if place < len(returned) else None
        if found:
            what = f"it as output {found[0]} instead of {place}"
        elif place >= len(returned):
            what = f"{len(returned)} instead of {len(self.graph.outputs)} outputs"
        else:
            what = "something else" if instead is None else f"the result of {self.layers[self._rows[instead.producer]].name!r}"
            what = f"{what} in its place"
        cause = f"it is computed as it should be, but the model returns {what}"
        return self._blame(value.producer, "writing", self._values[value], None, cause)

    def _blame(self, node: Node, stage: str, expected: Any, found: Any, cause: str) -> Blame:
        row, self._blamed = self.layers[self._rows[node]], node
        row.verdict = "differs"
        if not numeric(expected) or not numeric(found) or expected.shape != found.shape:
            row.absolute = row.relative = math.inf
            if numeric(expected) and numeric(found) and not cause:
                cause = f"its shape is {found.shape} instead of {expected.shape}"
            return Blame(self._rows[node], stage, math.nan, math.nan, (), self.case, cause)
        apart = difference(found.astype(expected.dtype), expected)
        row.absolute, row.relative = apart.absolute, apart.relative
        if not apart.absolute:  # weights that are wrong, but not so that this case shows it
            return Blame(self._rows[node], stage, math.nan, math.nan, (), self.case, cause)
        numbers = (float(expected[apart.index]), float(found[apart.index]))
        return Blame(self._rows[node], stage, *numbers, apart.index, self.case, cause)


def _like(source: np.ndarray, own: Any, value: Value) -> np.ndarray:
    """The source's tensor of a value's name, with the axes that the graph has: a node that stands for several of the source
    may give them in another order, or put together."""
    if value.producer.domain != DOMAIN or not numeric(own) or own.shape == source.shape or own.size != source.size:
        return source
    turns = (source.transpose(order) for order in itertools.permutations(range(source.ndim)))
    fitting = [turn.reshape(own.shape) for turn in turns if _without_ones(turn.shape) == _without_ones(own.shape)]
    return min([source.reshape(own.shape), *fitting], key=lambda turn: error(own, turn, magnitude(turn)))


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]


def _said(row: Mapping[str, Any]) -> str:
    key = row["key"]
    if row["problem"] == "numbers":
        count = "1 number" if row["count"] == 1 else f"{row['count']} of its {row['size']} numbers"
        return (
            f"weight {key!r} differs from the source's in {count}, "
            f"most at {row['index']}: {row['found']:.6g} instead of {row['expected']:.6g}"
        )
    if row["problem"] == "shape":
        return f"weight {key!r} has the shape {row['found']} instead of {row['expected']}"
    return f"weight {key!r} is missing" if row["problem"] == "missing" else f"the model has a weight {key!r} that nobody gave"


def _lines(folder: Path) -> list[str]:
    path = folder / "model.py"
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
