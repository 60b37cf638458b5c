"""Layers and functions that emitted Keras code copies where Keras itself has no equal."""
