"""Networks whose code a person wrote, exported and converted back: how near the emitted code comes to the original.

``python -m tests.originals.scoreboard`` prints the table; ``make originals`` installs what that needs and runs it.
"""
