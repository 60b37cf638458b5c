"""The rooms: one operator, one place. A file for each family."""

from converter.operators.registry import elementwise, operator, refusals, table

__all__ = ["elementwise", "operator", "refusals", "table"]
