"""What packages of the user's own add: operators and MATLAB layers, through the entry point ``converter.operators``."""

from __future__ import annotations

import functools
from importlib.metadata import entry_points

GROUP = "converter.operators"


@functools.cache
def load() -> None:
    """Import every module that such a package names; its decorators enter its rooms."""
    for entry in entry_points(group=GROUP):
        entry.load()
