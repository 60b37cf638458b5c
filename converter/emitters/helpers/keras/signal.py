"""Copied into emitted Keras code: windows and transforms of signals."""

import numpy as np
from keras import ops


def cosine_window(size, coefficients, periodic):
    """c0 - c1 cos(t) + c2 cos(2t) over one period."""
    size = int(ops.convert_to_numpy(size))
    t = 2 * np.pi * np.arange(size) / (size if periodic else size - 1)
    window = sum((-1) ** i * c * np.cos(i * t) for i, c in enumerate(coefficients))
    return ops.convert_to_tensor(window.astype("float32"))


def dft(x, length=None, axis=None, inverse=False, onesided=False):
    """The Fourier transform along ``axis`` of real numbers or of pairs, which stand on the last axis."""
    axis = (-2 if axis is None else int(ops.convert_to_numpy(axis))) % x.ndim
    half = inverse and onesided
    size = 2 * (x.shape[axis] - 1) if half else x.shape[axis]
    size = size if length is None else int(ops.convert_to_numpy(length))
    dtype, x = x.dtype, ops.moveaxis(ops.cast(x, "float64"), axis, -2)
    wanted = size // 2 + 1 if half else size
    x = x[..., :wanted, :]
    x = ops.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, wanted - x.shape[-2]), (0, 0)])
    real, imaginary = x[..., 0], (x[..., 1] if x.shape[-1] == 2 else ops.zeros_like(x[..., 0]))
    if half:
        parts = [ops.irfft((real, imaginary), fft_length=size)]
    elif inverse:
        real, imaginary = ops.fft((real, -imaginary))
        parts = [real / size, -imaginary / size]
    else:
        parts = [part[..., : size // 2 + 1] if onesided else part for part in ops.fft((real, imaginary))]
    return ops.cast(ops.moveaxis(ops.stack(parts, axis=-1), -2, axis), dtype)


def stft(signal, step, window=None, length=None, onesided=True):
    """Fourier transforms of overlapping frames, each times a window."""
    step = int(ops.convert_to_numpy(step))
    length = window.shape[0] if length is None else int(ops.convert_to_numpy(length))
    count = (signal.shape[1] - length) // step + 1
    frames = ops.stack([signal[:, i * step : i * step + length] for i in range(count)], axis=1)
    if window is not None:
        frames = frames * ops.expand_dims(window, -1)
    return dft(frames, onesided=onesided)


def mel_weights(bins, dft_length, sample_rate, low, high):
    """Triangular filters over the spectrum, evenly spaced on the mel scale: (frequency, filter)."""
    given = (bins, dft_length, sample_rate, low, high)
    bins, dft_length, sample_rate, low, high = (ops.convert_to_numpy(x).item() for x in given)
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (low, high))
    mel = np.arange(bins + 2) * ((high - low) / (bins + 2)) + low
    edges = ((dft_length + 1) * (700 * (10 ** (mel / 2595) - 1)) // sample_rate).astype(int)
    place = np.arange(dft_length // 2 + 1)[:, None]
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = np.where(center > lower, (place - lower) / np.maximum(center - lower, 1), 1.0 * (place == center))
    falling = (upper - place) / np.maximum(upper - center, 1)
    weights = np.where((place >= lower) & (place <= center), rising, 0)
    weights = np.where((place >= center) & (place < upper), falling, weights)
    return ops.convert_to_tensor(weights.astype("float32"))
