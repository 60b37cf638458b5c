"""What onnxruntime answers for a graph from MATLAB, in MATLAB's order of axes."""

from __future__ import annotations

import numpy as np
import onnxruntime

from converter.emitters.onnx import to_model
from converter.graph import Graph


def run(graph: Graph, *inputs: np.ndarray) -> np.ndarray:
    """``inputs`` of one observation: (height, width, ..., channels), or (channels,); so is the answer, the only output."""
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    feed = {value.name: np.moveaxis(x, -1, 0)[None] for value, x in zip(graph.inputs, inputs, strict=True)}
    (answer,) = session.run(None, feed)
    return np.moveaxis(answer[0], 0, -1)
