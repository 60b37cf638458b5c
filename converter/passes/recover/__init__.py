"""Layers that exporters took apart, put together again: one rule a file, each proved equal by onnxruntime in its test."""
