"""One self-contained HTML page with every result."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from converter.checking.results import Result


def html_page(results: Sequence[Result]) -> str:
    """The page as text. Nothing of a result gets into it unescaped."""
    rows = "".join(
        f"<tr><td>{escape(r.name)}</td><td>{escape(r.status)}</td><td>{r.seconds:.1f} s</td></tr>\n" for r in results
    )
    head = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>converter check</title>'
    return f"{head}\n<table>\n{rows}</table>\n</html>\n"
