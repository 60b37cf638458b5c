"""Copied into emitted code of both targets: image files."""

import io

import numpy as np
from PIL import Image


def decoded_image(data, mode="RGB", backwards=False):
    """The pixels of an image file, (height, width, channel); ``backwards`` as blue, green, red."""
    pixels = np.array(Image.open(io.BytesIO(data.tobytes())).convert(mode))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return pixels[..., ::-1].copy() if backwards else pixels
