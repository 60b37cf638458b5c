"""Regular expressions of RE2 as Python's ``re`` takes them. Source: https://github.com/google/re2/wiki/Syntax"""

from __future__ import annotations

import re

_OUTSIDE = re.compile(r"\\.|\[\^?\]?|\(\?(?:P<\w+>|:)?|\{,|.", re.DOTALL)
_INSIDE = re.compile(r"\\.|\[:|.", re.DOTALL)
_SAME = set("dDwWntrfva")
_SPACE = r"\t\n\f\r "  # without the vertical tab that Python counts among them
_PLAIN = r"[^\\.^$*+?()\[\]{}|]"
_ATOM = rf"(?:{_PLAIN}|\.|\\[dDwWsS]|\[\^?\]?(?:\\.|[^\]\\\[])*\])"
_SIMPLE = re.compile(rf"{_ATOM}(?:[+*]|\{{\d+(?:,\d*)?\}})?|(?:{_PLAIN}|\\\W)+")


def is_simple(pattern: str) -> bool:
    """Whether it is plain text or one repeated character: then the first match is the longest one too."""
    return _SIMPLE.fullmatch(pattern) is not None


def python_pattern(pattern: str) -> str:
    """The pattern that matches the same strings with the flag ``re.ASCII``; raises ValueError where none is known."""
    found, place, inside = [], 0, False
    while place < len(pattern):
        token = (_INSIDE if inside else _OUTSIDE).match(pattern, place).group()
        place += len(token)
        found.append(_inside(token) if inside else _outside(token))
        inside = token != "]" if inside else token.startswith("[")
    try:
        return re.compile("".join(found), re.ASCII).pattern
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} is none of Python's: {error}") from None


def _outside(token: str) -> str:
    if token.startswith("["):
        return token.replace("]", r"\]")
    return {"$": r"\Z", r"\z": r"\Z", r"\s": f"[{_SPACE}]", r"\S": f"[^{_SPACE}]"}.get(token) or _same(token, "bBA")


def _inside(token: str) -> str:
    return {"[": r"\[", r"\s": _SPACE, "&": r"\&", "|": r"\|", "~": r"\~"}.get(token) or _same(token)


def _same(token: str, more: str = "") -> str:
    letter = token[1:2] if token.startswith("\\") else ""
    if token in ("(?", "{,", "[:", "\\") or (letter.isalnum() and letter not in _SAME and letter not in more):
        raise ValueError(f"{token!r} in a pattern is not known to mean the same in Python")
    return token
