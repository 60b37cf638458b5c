"""The rooms: one operator, one place. A file for each family."""

from converter.operators.registry import elementwise, like_first, operator, refusals, table

__all__ = ["elementwise", "like_first", "operator", "refusals", "table"]
