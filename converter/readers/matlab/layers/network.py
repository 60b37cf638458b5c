"""The layer that holds a network: ``nesting`` puts that network's layers in its place, so that only an empty one is left."""

from __future__ import annotations

from converter.graph import Value
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.site import Site, Untranslated


@layer("NetworkLayer", "Network Layer", "Network layer", inputs=None)
def network(n: Site) -> Value:
    raise Untranslated("the network inside it is not in the file; export it anew, or expand it with expandLayers before saving")
