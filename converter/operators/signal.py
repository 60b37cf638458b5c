"""Signal processing: windows, Fourier transforms, mel filters."""

from __future__ import annotations

import onnx.helper

from converter.operators.registry import operator


def _window(op_type: str, *coefficients: float) -> None:
    """A sum of cosines, c0 - c1 cos(t) + c2 cos(2t); ``size`` is a number that the network computes."""

    @operator(op_type)
    class Window:
        def pytorch(n):
            return n.expr("cosine_window(size, coefficients, periodic, dtype)", dtype=_torch_dtype(n), **_options(n))

        def keras(n):
            return n.eager("cosine_window(size, coefficients, periodic)", **_options(n))

    def _options(n) -> dict:
        return {"coefficients": coefficients, "periodic": bool(n.node["periodic"])}


def _torch_dtype(n):
    return n.expr(f"torch.{onnx.helper.tensor_dtype_to_np_dtype(n.output_datatype).name}")


_window("HannWindow", 0.5, 0.5)
_window("HammingWindow", 25 / 46, 21 / 46)
_window("BlackmanWindow", 0.42, 0.5, 0.08)


@operator("DFT")
class DFT:
    """The last axis holds real and imaginary parts, or the real ones alone."""

    def pytorch(n):
        return n.expr("dft(input, dft_length, axis, inverse=inverse, onesided=onesided)", **_transform(n))

    def keras(n):
        known = n.is_known("dft_length") and n.is_known("axis")
        write = n.expr if known else n.eager
        axis = -2 if n.operand(2) is None or not known else int(n.constant("axis").reshape(-1)[0])
        n.needs_sizes(n.input, axes=(axis, -1))
        return write("dft(input, dft_length, axis, inverse=inverse, onesided=onesided)", **_transform(n))


def _transform(n) -> dict:
    return {"inverse": bool(n.inverse), "onesided": bool(n.onesided), "axis": n.operand(2)}


@operator("STFT")
class STFT:
    """Transforms of overlapping frames, each times a window."""

    def pytorch(n):
        return n.expr("stft(signal, frame_step, window, frame_length, onesided)", onesided=bool(n.onesided))

    def keras(n):
        n.needs_sizes(n.signal, axes=(1, 2))
        n.needs_sizes(n.window)
        write = n.expr if n.is_known("frame_step") and n.is_known("frame_length") else n.eager
        return write("stft(signal, frame_step, window, frame_length, onesided)", onesided=bool(n.onesided))


@operator("MelWeightMatrix")
class MelWeightMatrix:
    """Triangular filters, evenly spaced on the mel scale."""

    def pytorch(n):
        return n.expr(f"{_MEL}.to(dtype)", dtype=_torch_dtype(n))

    def keras(n):
        return n.eager(_MEL)


_MEL = "mel_weights(num_mel_bins, dft_length, sample_rate, lower_edge_hertz, upper_edge_hertz)"
