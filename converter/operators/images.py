"""Image files."""

from __future__ import annotations

from converter.operators.registry import operator

_MODES = {
    name: {"mode": "L" if name == "Grayscale" else "RGB", "backwards": name == "BGR"} for name in ("RGB", "BGR", "Grayscale")
}


@operator("ImageDecoder")
class ImageDecoder:
    """An image file, which Pillow reads, as an array of pixels (height, width, channel)."""

    restrictions = "the emitted code needs Pillow"

    def both(n):
        return n.from_array(
            "decoded_image(x, mode, backwards)", x=n.eager("x", x=n.to_array(n.first)), **_MODES[n.pixel_format]
        )
