"""Python text of a module: imports collected on use, helpers copied in, formatted by ruff."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

_HELPERS = Path(__file__).with_name("helpers")


@functools.cache
def _helpers(target: str) -> dict[str, str]:
    """The source of each helper of a target, those for both targets first, by name."""
    found = {}
    for text in helper_files(target):
        lines = text.splitlines()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                found[node.name] = "\n".join(lines[first - 1 : node.end_lineno])
    return found


def helper_files(target: str) -> list[str]:
    """The text of each file of helpers of a target, those for both targets first."""
    return [path.read_text() for folder in ("both", target) for path in sorted((_HELPERS / folder).glob("*.py"))]


def names_used(code: str) -> set[str]:
    """Names that the code reads and that are no variables in any function of it."""
    nodes = list(ast.walk(ast.parse(code)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    given = {name.id for name in names if isinstance(name.ctx, ast.Store)} | {n.arg for n in nodes if isinstance(n, ast.arg)}
    return {name.id for name in names} - given


def helper_names(target: str) -> frozenset[str]:
    return frozenset(_helpers(target))


def helpers_for(target: str, code: str) -> list[str]:
    """The helpers that ``code`` uses, and those that they use, in the order of the files of helpers."""
    sources = _helpers(target)
    needed: set[str] = set()
    waiting = names_used(code) & sources.keys()
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting |= (names_used(sources[name]) & sources.keys()) - needed
    return [source for name, source in sources.items() if name in needed]


def imports_for(code: str, known: dict[str, str]) -> list[str]:
    """The import lines of ``known`` (name: line) that ``code`` needs."""
    used = names_used(code)
    return [line for name, line in known.items() if name in used]


def plain_text(text: str) -> str:
    """Text from a file as it may stand in a docstring or comment: one line, no quotes, backslashes or control characters."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s.,:;()\[\]<>=+*/@#%&!?'\u00d7-]", "_", text)).strip()


def docstring(title: str, *lines: str) -> str:
    """The title, then the lines as one block; each must be ``plain_text`` where it comes from a file."""
    wrapped = [textwrap.fill(line, 84, subsequent_indent="  ") for line in lines]
    body = "\n".join([textwrap.fill(title, 84), *(["", *wrapped, ""] if wrapped else [])])
    return f'"""{body}"""'


def formatted(code: str) -> str:
    """The code as ``ruff format`` writes it, imports sorted."""
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select", "I", "--fix-only", "--quiet", "--isolated", "-"], ["format", "--isolated", "-"]):
        done = subprocess.run([*ruff, *command], input=code, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            raise RuntimeError(f"ruff refused emitted code: {done.stderr}")
        code = done.stdout
    return code


def indent(lines: Iterable[str], by: int = 4) -> str:
    return textwrap.indent("\n".join(lines), " " * by)
