"""Functions that emitted code of both targets copies."""
