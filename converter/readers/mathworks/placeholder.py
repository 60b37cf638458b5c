"""What MATLAB writes for a layer that its exporter does not know."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from converter.errors import Problem
from converter.graph import Node

_GENERIC = {"", "Placeholder operator"}  # what the exporter calls every one of them [onnx/onnx-tensorflow#468]


def refuse_placeholders(nodes: Iterable[Node], model: onnx.ModelProto) -> None:
    """Refuse every operator of MATLAB's own that has no standard form, naming the layer and all that the file tells of it."""
    documentation = {node.output[0]: node.doc_string for node in model.graph.node if node.output and node.domain}
    for node in nodes:
        if node.op_type == "MaxUnpool":
            continue
        texts = {name: text for name, text in node.attributes.items() if isinstance(text, str) and text}
        text = documentation.get(node.output.name, "").strip() if node.outputs and node.outputs[0] is not None else ""
        told = [] if text in _GENERIC else [repr(text[:200])]
        told += [f"{name} {text[:200]!r}" for name, text in sorted(texts.items())]
        what = f"layer {node.name!r}" if node.name else "a layer"
        of_it = f"; the file says of it: {', '.join(told)}" if told else "; the file does not say of which class"
        node.refusal = Problem(
            f"com.mathworks:{node.op_type} stands for {what}, which MATLAB's exporter could not write as ONNX{of_it}",
            node.origin,
            "Convert the .mat file that holds the network, or say what it computes: "
            f"@operator({node.op_type!r}, domain='com.mathworks'), see README.",
        )
