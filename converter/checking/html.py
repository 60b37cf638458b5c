"""One self-contained HTML page with every result: no request leaves it, and nothing of a file becomes markup.

The page draws itself with the scripts in ``page/`` from a JSON block. Its Content-Security-Policy allows this script and this
style by their hashes and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from converter.checking.results import Result
from converter.verification.layers import Layer
from converter.verification.report import OutputReport, Report, in_words

_PAGE = Path(__file__).with_name("page")
_SCRIPTS = ("elements.js", "layout.js", "graph.js", "plot.js", "code.js", "page.js")


def html_page(results: Sequence[Result]) -> str:
    """The page as text. Nothing of a result gets into it as anything but a JSON string."""
    parts = [(_PAGE / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    script = '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"
    style = (_PAGE / "page.css").read_text(encoding="utf-8")
    found = {
        "title": "converter check",
        "script": script,
        "script-hash": _hash(script),
        "style": style,
        "style-hash": _hash(style),
        "data": _json({"version": importlib.metadata.version("converter"), "checks": [_check(result) for result in results]}),
    }
    template = (_PAGE / "page.html").read_text(encoding="utf-8")
    return re.sub("@([a-z-]+)@", lambda match: found[match[1]], template)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: Any) -> str:
    """JSON that can stand in a script element: ``</script>`` and ``<!--`` do not occur in it."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _check(result: Result) -> dict[str, Any]:
    report = result.report or Report(result.target, "")
    tolerances = [output.tolerance for output in [*report.outputs.values(), *report.probe.values()]]
    return {
        "path": result.path,
        "source": result.source,
        "target": result.target,
        "status": result.status,
        "seconds": result.seconds,
        "resumed": result.resumed,
        "problems": result.problems,
        "code": result.code,
        "judge": report.judge,
        "worst": _worst(report),
        "allowance": None if report.tolerance is None else report.tolerance.relative,
        "outputs": [_output(name, output, probe=False) for name, output in report.outputs.items()]
        + [_output(name, output, probe=True) for name, output in report.probe.items()],
        "tolerances": sorted({(tolerance.name, in_words(tolerance), tolerance.reason) for tolerance in tolerances}),
        "findings": report.findings,
        "warnings": report.warnings,
        "cases": [
            {"name": case.name, "shapes": ", ".join(f"{k} {_shape(v)}" for k, v in case.shapes.items()), "values": case.values}
            for case in report.cases
        ],
        "versions": list(report.versions.items()),
        "layers": _layers(report.layers, result.code),
        "blame": None if report.blame is None else _words(asdict(report.blame), ("expected", "found")),
    }


def _worst(report: Report) -> dict[str, Any] | None:
    """The error that comes nearest to its tolerance, or is furthest beyond it."""
    outputs = list(report.outputs.values())
    if not outputs:
        return None
    worst = max(outputs, key=lambda o: (not o.ok, _excess(o)))
    return {"relative": _number(worst.max_relative_error), "tolerance": worst.tolerance.relative}


def _excess(output: OutputReport) -> float:
    """The error in units of what is allowed."""
    if output.excess is not None:
        return output.excess
    return output.max_relative_error / (output.tolerance.relative or math.ulp(0.0))


def _output(name: str, output: OutputReport, *, probe: bool) -> dict[str, Any]:
    where = "" if output.where is None else f"{output.where.case}, {list(output.where.index)}"
    if output.tolerance.share:
        where += f"; {output.beyond:.1e} of its numbers are beyond the tolerance"
    return {
        "name": name,
        "probe": probe,
        "ok": output.ok,
        "absolute": _number(output.max_abs_error),
        "relative": _number(output.max_relative_error),
        "tolerance": output.tolerance.name,
        "top1": "" if output.top1_agreement is None else f"{output.top1_agreement:.0%}",
        "problem": output.problem,
        "where": where,
        "remark": output.remark,
    }


def _layers(layers: Sequence[Layer], code: str) -> dict[str, list[Any]]:
    """As columns, which are less to write than rows. The text of a line is left out where it is that of the code."""
    columns = {key: [getattr(layer, key) for layer in layers] for key in Layer.__dataclass_fields__} if layers else {}
    for key in ("absolute", "relative"):
        columns[key] = [_number(error) for error in columns.get(key, [])]
    lines = code.splitlines()
    stands = [
        layer.line is not None and 0 < layer.line <= len(lines) and lines[layer.line - 1].strip() == layer.code
        for layer in layers
    ]
    columns["code"] = [None if same else layer.code for same, layer in zip(stands, layers, strict=True)]
    return columns


def _words(values: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return values | {key: f"{values[key]:.6g}" for key in keys}


def _number(value: float | None) -> float | str | None:
    """JSON knows no infinity; JavaScript reads this text as one."""
    if value is None or math.isfinite(value):
        return None if value is None else float(f"{value:.4g}")
    return "Infinity"


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"
