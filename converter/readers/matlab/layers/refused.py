"""Built-in layers that are known and not translated, with the reason that a refusal gives.

Names: MathWorks' page "List of Deep Learning Layers". A layer stands here where its meaning could not be measured on a network
with its own answers: a guess would give wrong numbers silently.
"""

from __future__ import annotations

from converter.readers.matlab.table import BUILT_IN

_LAYOUT = "how it orders heads, weights and axes was not measured on a trained network"
_DETECTOR = "it belongs to a detector, whose boxes are worked out outside the network"
_FUNCTION = "it runs MATLAB code, which is not translated"

_REASONS = {
    "FunctionLayer": _FUNCTION,
    "PointCloudInputLayer": "point clouds are not translated",
    "ROIInputLayer": _DETECTOR,
    "InputLayer": "its size and format are open, so that no shape is known",
    "PeepholeLSTMLayer": "which gate each row of its peepholes belongs to was not measured on a trained network",
    "SelfAttentionLayer": _LAYOUT,
    "AttentionLayer": _LAYOUT,
    "PatchEmbeddingLayer": "the order of its patches was not measured on a trained network",
    "PositionEmbeddingLayer": "what it embeds depends on a dimension that was not measured on a trained network",
    "SinusoidalPositionEncodingLayer": "its positions were not measured on a trained network",
    "EmbeddingConcatenationLayer": "where its weights go was not measured on a trained network",
    "Indexing1dLayer": "its index was not measured on a trained network",
    "WordEmbeddingLayer": "it takes the numbers of words, and what an unknown word gives was not measured",
    "SpaceToDepthLayer": "the order of its channels was not measured",
    "ComplexFullyConnectedLayer": "complex numbers are not translated",
    "ComplexReLULayer": "complex numbers are not translated",
    "SpectralConvolution1DLayer": "Fourier transforms inside a network are not translated",
    "SpectralConvolution2DLayer": "Fourier transforms inside a network are not translated",
    "SpectralConvolution3DLayer": "Fourier transforms inside a network are not translated",
    "STFTLayer": "Fourier transforms inside a network are not translated",
    "YOLOv2TransformLayer": _DETECTOR,
    "YOLOv2ReorgLayer": "the order of its channels was not measured",
    "AnchorBoxLayer": _DETECTOR,
    "SSDMergeLayer": _DETECTOR,
    "RegionProposalLayer": _DETECTOR,
    "RPNSoftmaxLayer": _DETECTOR,
    "ROIMaxPooling2DLayer": _DETECTOR,
    "ROIAlignLayer": _DETECTOR,
}

REASONS = {BUILT_IN + name: reason for name, reason in _REASONS.items()}
"""By full class name."""
