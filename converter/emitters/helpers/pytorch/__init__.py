"""Functions that emitted PyTorch code copies where PyTorch itself has no equal."""
