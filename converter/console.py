"""The console that every command prints on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

_WIDTH = 160
"""Of what is no terminal, a log in CI say, which has no width of its own: a row of a table is then a line."""

_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
_CONTROLS |= dict.fromkeys(range(0x7F, 0xA0), "\N{REPLACEMENT CHARACTER}")
_BREAKS = {ord(character): chr(0x2400 + ord(character)) for character in "\t\n"}


class Console(RichConsole):
    """Prints lines whole where there is no terminal, and control characters, which names from files may hold, as signs."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        if not self.is_terminal:
            self.soft_wrap = True
            if "width" not in options and "COLUMNS" not in os.environ:
                self.width = _WIDTH

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(segment.text.translate(_CONTROLS), segment.style)


def in_one_line(text: str) -> str:
    """A name as it can stand in a line."""
    return text.translate(_CONTROLS | _BREAKS)


def print_anything() -> None:
    """Let both outputs write what their encoding does not have, and file names that are no text, as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
