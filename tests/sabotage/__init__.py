"""Sabotage: faults planted on purpose, and whether verification finds them and names the layer."""
