"""Images as arrays, and as PNG files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import NDArray

from organtwin.core.private import open_private


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return (height, width, 3) uint8: a figure drawn at its own resolution."""
    figure.canvas.draw()
    rgba = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    result: NDArray[np.uint8] = np.ascontiguousarray(rgba[..., :3])
    return result


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """Return an image (height, width, 3) uint8 as the bytes of a PNG file."""
    stream = io.BytesIO()
    imsave(stream, image, format="png")
    return stream.getvalue()


def write_png(image: NDArray[np.uint8], path: Path) -> Path:
    """Write an image (height, width, 3) uint8 as a PNG file; returns its path."""
    with open_private(path) as file:
        file.write(png_bytes(image))
    return path


def frame_of(images: Sequence[NDArray[np.uint8]], margin_px: int) -> tuple[slice, slice]:
    """Return the rows and columns outside which all images are white, grown by a margin."""
    used = np.any([np.any(image < 250, axis=2) for image in images], axis=0)
    cuts = []
    for axis in (1, 0):
        line = np.flatnonzero(used.any(axis=axis))
        start, stop = (int(line[0]), int(line[-1]) + 1) if len(line) else (0, used.shape[1 - axis])
        cuts.append(slice(max(start - margin_px, 0), stop + margin_px))
    return cuts[0], cuts[1]
