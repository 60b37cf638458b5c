"""What MATLAB's ONNX exporter (exportONNXNetwork) writes in a way of its own, brought to what its layers are.

Its standard operators need nothing of this. Facts: files that releases 18.2 to 24.2 of "MATLAB Deep Learning Toolbox Converter
for ONNX Model Format" wrote, at opsets 6 to 14 [files]; https://www.mathworks.com/help/deeplearning/ref/exportonnxnetwork.html.
"""

from __future__ import annotations

import onnx

from converter.graph import Graph
from converter.passes.infer_shapes import infer_shapes
from converter.readers.mathworks.dense import fully_connected
from converter.readers.mathworks.names import name_layers
from converter.readers.mathworks.normalization import hold_normalization
from converter.readers.mathworks.placeholder import refuse_placeholders
from converter.readers.mathworks.products import flatten_products
from converter.readers.mathworks.unpooling import lift_unpooling

DOMAIN = "com.mathworks"
"""Domain of the operators that only MATLAB knows; files spell it in upper and lower case."""


def lift_all(graph: Graph, model: onnx.ModelProto) -> bool:
    """Rewrite ``graph``, as read from ``model``, where MATLAB wrote that; whether onnxruntime can run the file as it stands."""
    own = [node for node in graph.nodes if node.domain.lower() == DOMAIN]
    for node in own:
        node.domain = DOMAIN
    unknown = {f"{DOMAIN}:{node.op_type}" for node in own}
    refuse_placeholders(own, model)
    lift_unpooling(graph, [node for node in own if node.op_type == "MaxUnpool"])
    if "MATLAB" in model.producer_name:
        hold_normalization(graph)
        name_layers(graph)
        opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)
        if opset < 7 and flatten_products(graph):
            unknown.add("Gemm of images")
        infer_shapes(graph)
        fully_connected(graph)
    if unknown:
        graph.notes.append(
            f"onnxruntime does not know {', '.join(sorted(unknown))}: verification runs the graph's own ONNX form, not the file"
        )
    return not unknown
