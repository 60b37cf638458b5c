"""Built-in layers that are known and not translated, with the reason that a refusal gives.

Names: MathWorks' pages "List of Deep Learning Layers" and of single layers until R2026a, and for importers those of their
networks. A layer stands here where its meaning is neither documented nor could be measured on a network with its own answers: a
guess would give wrong numbers silently.
"""

from __future__ import annotations

from converter.readers.matlab.table import BUILT_IN

_DETECTOR = "it belongs to a detector, whose boxes are worked out outside the network"
_COMPLEX = "complex numbers are not translated"
_FOURIER = "Fourier transforms inside a network are not translated"
_FUNCTION = "it runs MATLAB code, which is not translated"

_REASONS = {
    "FunctionLayer": _FUNCTION,
    "PointCloudInputLayer": "point clouds are not translated",
    "ROIInputLayer": _DETECTOR,
    "PeepholeLSTMLayer": "which gate each row of its peepholes belongs to was not measured on a trained network",
    "SinusoidalPositionEncodingLayer": "whether its sines and cosines alternate and where its positions begin is not confirmed",
    "ComplexFullyConnectedLayer": _COMPLEX,
    "ComplexReLULayer": _COMPLEX,
    "SpectralConvolution1DLayer": _FOURIER,
    "SpectralConvolution2DLayer": _FOURIER,
    "SpectralConvolution3DLayer": _FOURIER,
    "STFTLayer": _FOURIER,
    "YOLOv2ReorgLayer": "its page does not tell the order of its channels; spaceToDepthLayer, which replaced it, is converted",
    "AnchorBoxLayer": _DETECTOR,
    "SSDMergeLayer": "its page does not tell in which order it lists the boxes of its feature maps",
    "ComplexToRealLayer": _COMPLEX,
    "RealToComplexLayer": _COMPLEX,
    "ISTFTLayer": _FOURIER,
    "CWTLayer": "wavelet transforms inside a network are not translated",
    "ICWTLayer": "wavelet transforms inside a network are not translated",
    "MODWTLayer": "wavelet transforms inside a network are not translated",
    "RCNNBoxRegressionLayer": _DETECTOR,
    "RPNClassificationLayer": _DETECTOR,
    "PermuteLayer": "how it counts axes was not measured on a network",
    "ReshapeLayer": "over which axes, and in which order, it reshapes was not measured on a network",
    "NeuralODELayer": "it solves a differential equation, which is not translated",
    "RegionProposalLayer": _DETECTOR,
    "RPNSoftmaxLayer": _DETECTOR,
    "ROIMaxPooling2DLayer": _DETECTOR,
    "ROIAlignLayer": _DETECTOR,
}

_IMPORTED = "what it computes is not documented"

_OTHERS = {
    "nnet.keras.layer.ClipLayer": _IMPORTED,
    "nnet.keras.layer.PreluLayer": _IMPORTED,
    "nnet.keras.layer.TimeDistributedFlattenCStyleLayer": _IMPORTED,
    "nnet.keras.layer.ZeroPadding1dLayer": "on which sides it pads is not documented; give the padding to the next layer",
    "nnet.keras.layer.ZeroPadding2dLayer": "on which sides it pads is not documented; give the padding to the next layer",
    "nnet.nasnetlarge.layer.NASNetLargeZeroPadding2dLayer": "on which sides it pads and cuts off is not documented",
    "nnet.nasnetmobile.layer.NASNetMobileZeroPadding2dLayer": "on which sides it pads and cuts off is not documented",
    "nnet.onnx.layer.ClipLayer": _IMPORTED,
    "nnet.onnx.layer.FlattenLayer": "whether it flattens channels first or last is not documented",
    "nnet.onnx.layer.FlattenInto2dLayer": "whether it flattens channels first or last is not documented",
    "nnet.onnx.layer.PReluLayer": _IMPORTED,
    "nnet.onnx.layer.VerifyBatchSizeLayer": _IMPORTED,
}

REASONS = {BUILT_IN + name: reason for name, reason in _REASONS.items()} | _OTHERS
"""By full class name."""
