"""Copied into emitted PyTorch code: windows and transforms of signals."""

import math

import torch


def cosine_window(size, coefficients, periodic, dtype):
    """c0 - c1 cos(t) + c2 cos(2t) over one period."""
    size = int(size)
    t = 2 * torch.pi * torch.arange(size, dtype=torch.float64) / (size if periodic else size - 1)
    return sum((-1) ** i * c * torch.cos(i * t) for i, c in enumerate(coefficients)).to(dtype)


def dft(x, length=None, axis=None, inverse=False, onesided=False):
    """The Fourier transform along ``axis`` of real numbers or of pairs, which stand on the last axis."""
    axis = (-2 if axis is None else int(axis)) % x.ndim
    length = None if length is None else int(length)
    z = x[..., 0] if x.shape[-1] == 1 else torch.view_as_complex(x.contiguous())
    if inverse and onesided:
        return torch.fft.irfft(z, length, dim=axis).unsqueeze(-1)
    if onesided:
        return torch.view_as_real(torch.fft.rfft(z, length, dim=axis))
    return torch.view_as_real((torch.fft.ifft if inverse else torch.fft.fft)(z, length, dim=axis))


def stft(signal, step, window=None, length=None, onesided=True):
    """Fourier transforms of overlapping frames, each times a window."""
    length = len(window) if length is None else int(length)
    frames = signal.unfold(1, length, int(step)).transpose(2, 3)
    if window is not None:
        frames = frames * window.unsqueeze(-1)
    return dft(frames, onesided=onesided)


def mel_weights(bins, dft_length, sample_rate, low, high):
    """Triangular filters over the spectrum, evenly spaced on the mel scale: (frequency, filter)."""
    given = (bins, dft_length, sample_rate, low, high)
    bins, dft_length, sample_rate, low, high = (torch.as_tensor(x).item() for x in given)
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (low, high))
    mel = torch.arange(bins + 2, dtype=torch.float64) * ((high - low) / (bins + 2)) + low
    edges = (dft_length + 1) * (700 * (10 ** (mel / 2595) - 1)) // sample_rate
    place = torch.arange(dft_length // 2 + 1)[:, None]
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = torch.where(center > lower, (place - lower) / (center - lower).clamp(min=1), (place == center).double())
    falling = (upper - place) / (upper - center).clamp(min=1)
    weights = torch.where((place >= lower) & (place <= center), rising, 0)
    return torch.where((place >= center) & (place < upper), falling, weights)
