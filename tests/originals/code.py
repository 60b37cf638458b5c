"""What can be said of emitted code by reading it: its lines, its names, its transposes, what ruff and mypy find."""

from __future__ import annotations

import ast
import inspect
import io
import json
import keyword
import re
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from converter.emitters.source import helper_names

TRANSPOSES = ("transpose", "swapaxes", "moveaxis", "permute", "Permute")


@dataclass(frozen=True)
class Lines:
    """Lines of a ``model.py``. All counts leave out imports, docstrings, blank lines and lines of comment alone."""

    code: int
    """Everything else: the count that a limit holds for."""
    own: int
    """Without ``load_model`` and the main guard, which every file has alike."""
    network: int
    """Without these and without helpers copied into the file: what says the network."""


def model_code_lines(code: str) -> Lines:
    """Count the lines of a ``model.py``; a statement over several lines counts each of them."""
    tree = ast.parse(code)
    omitted = {number for node in ast.walk(tree) if _is_silent(node) for number in _span(node)}
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(code).readline) if token.type not in _SILENT]
    text = code.splitlines()
    lines = {number for token in tokens for number in range(token.start[0], token.end[0] + 1)}
    said = {number for number in lines if text[number - 1].strip()} - omitted
    shared = {number for node in tree.body if _is_shared(node) for number in _span(node)}
    copied = helper_names("keras") | helper_names("pytorch")
    helpers = {number for node in tree.body if getattr(node, "name", None) in copied for number in _span(node)}
    return Lines(len(said), len(said - shared), len(said - shared - helpers))


_SILENT = {getattr(tokenize, name) for name in ("COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT", "ENCODING", "ENDMARKER")}


def _is_silent(node: ast.AST) -> bool:
    string = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return string or isinstance(node, ast.Import | ast.ImportFrom)


def _is_shared(node: ast.stmt) -> bool:
    main = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
    return main or (isinstance(node, ast.FunctionDef) and node.name == "load_model")


def _span(node: ast.AST) -> range:
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
    return range(first, node.end_lineno + 1)


# Names -----------------------------------------------------------------------------------------------------------------------


def identifiers(code: str) -> set[str]:
    """Every name that the code gives or reads: variables, attributes, arguments, functions, classes."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        for field in ("id", "attr", "arg"):
            name = getattr(node, field, None)
            if isinstance(name, str) and not keyword.iskeyword(name):
                found.add(name)
    return found


def given(code: str) -> set[str]:
    """The names that the code itself gives: what it assigns, defines and takes."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return found


def source_names(module: Any) -> set[str]:
    """The identifiers of an original: of the files that define its modules, and the parts of its state-dict keys."""
    files = {inspect.getsourcefile(type(part)) for part in module.modules()}
    names = {part for key in module.state_dict() for part in key.split(".")}
    return names.union(*(identifiers(Path(file).read_text(encoding="utf-8")) for file in files))


def letter_numbers(code: str, source: set[str]) -> list[str]:
    """Names of one letter and a number, such as ``x17``, that the original does not have."""
    return sorted(name for name in given(code) - source if re.fullmatch(r"[A-Za-z]_?\d+", name))


def numbered(code: str, source: set[str]) -> list[str]:
    """Names that end in a number, such as ``linear_3`` or ``add5``, that the original does not have."""
    return sorted(name for name in given(code) - source if re.search(r"\d$", name))


# Transposes ------------------------------------------------------------------------------------------------------------------


def transposes(code: str) -> int:
    """Transposes and permutations that the code writes, each once however often it runs."""
    calls = (node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    return sum(getattr(call, "attr", getattr(call, "id", None)) in TRANSPOSES for call in calls)


# Tools -----------------------------------------------------------------------------------------------------------------------


def ruff_findings(path: Path) -> dict[str, int]:
    """What ruff says with its default rules and those of naming (N), by rule."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--extend-select", "N"]
    done = subprocess.run([*command, "--output-format", "json", path], capture_output=True, text=True)
    if done.returncode > 1:
        raise RuntimeError(done.stderr)
    return dict(Counter(finding["code"] or "syntax" for finding in json.loads(done.stdout)).most_common())


def mypy_findings(*paths: Path) -> dict[str, int] | None:
    """What mypy says of files in one folder as it is by default, by error code; nothing where it is not installed."""
    if find_spec("mypy") is None:
        return None
    cached = Path(tempfile.gettempdir()) / "converter_originals_mypy"
    command = [sys.executable, "-m", "mypy", "--config-file", "", "--cache-dir", cached, "--no-error-summary"]
    names = [path.name for path in paths]
    done = subprocess.run([*command, *names], cwd=paths[0].parent, capture_output=True, text=True)
    if done.returncode > 1:
        raise RuntimeError(done.stdout + done.stderr)
    return dict(Counter(re.findall(r": error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)).most_common())
