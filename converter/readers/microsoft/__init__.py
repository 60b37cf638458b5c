"""Operators of onnxruntime's own (com.microsoft), which its optimiser and its quantiser write, lifted to standard ones.

Sources: onnxruntime's own schemas (names, defaults, which inputs may be left out), docs/ContribOperators.md of
github.com/microsoft/onnxruntime, and its CPU provider's answers where the documentation is silent.
"""

from converter.readers.microsoft import attention, fused, normalization, quantized, weights  # noqa: F401
from converter.readers.microsoft.lifting import DOMAIN, LIFTS, lift_all, schema_of

__all__ = ["DOMAIN", "LIFTS", "lift_all", "schema_of"]
