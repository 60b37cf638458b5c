"""Layers that only serve training."""

from __future__ import annotations

from converter.readers.matlab import description as words
from converter.readers.matlab.layers.registry import output_layer

output_layer("ClassificationOutputLayer", "Classification Output", words.classification)
output_layer("RegressionOutputLayer", "Regression Output", "mean-squared-error")
output_layer("PixelClassificationLayer", "Pixel Classification Layer", "Cross-entropy loss")
output_layer("FocalLossLayer", "Focal Loss Output", "Focal loss")
output_layer("DicePixelClassificationLayer", "Dice Pixel Classification Layer", "Dice loss")
output_layer("YOLOv2OutputLayer", "YOLO v2 Output", "YOLO v2 output")
