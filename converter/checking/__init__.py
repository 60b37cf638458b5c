"""``converter check``: finds equivalence specs and conversions, checks each in a process of its own, and reports."""
