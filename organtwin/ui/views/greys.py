"""Values as greys: a window over a slice, as a picture Qt can draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage


def greys(
    plate: NDArray[Any], window: tuple[float, float], *, inverted: bool = False
) -> NDArray[np.uint8]:
    """Return values (rows, columns) as 0..255, black at `centre` − `width` / 2 and below.

    The linear function of DICOM PS3.3 C.11.2.1.3.2 (LINEAR_EXACT); white there where `inverted`
    (MONOCHROME1, C.7.6.3.1.2).
    """
    centre, width = window
    scaled = plate.astype(np.float32, order="C")
    scaled -= np.float32(centre - width / 2.0)
    scaled *= np.float32(255.0 / width)
    np.clip(scaled, 0.0, 255.0, out=scaled)
    if inverted:
        np.subtract(np.float32(255.0), scaled, out=scaled)
    if plate.dtype.kind == "f":
        np.nan_to_num(scaled, copy=False)
    return scaled.astype(np.uint8)


def grey_image(
    plate: NDArray[Any], window: tuple[float, float], *, inverted: bool = False
) -> QImage:
    """Return values (rows, columns) as a picture; arguments as `greys`."""
    grey = greys(plate, window, inverted=inverted)
    rows, columns = grey.shape
    # Qt wants each row to start on a multiple of 4 bytes.
    padded = np.zeros((rows, -(-columns // 4) * 4), dtype=np.uint8)
    padded[:, :columns] = grey
    kind = QImage.Format.Format_Grayscale8
    return QImage(padded.data, columns, rows, padded.shape[1], kind).copy()


def veil_image(
    plate: NDArray[Any],
    window: tuple[float, float],
    inside: NDArray[np.bool_],
    *,
    inverted: bool = False,
) -> QImage:
    """Return values (rows, columns) as a picture that is clear where `inside` is False."""
    grey = greys(plate, window, inverted=inverted).astype(np.uint32)
    colours = np.where(inside, grey * 0x010101 | 0xFF000000, 0).astype(np.uint32)
    rows, columns = colours.shape
    kind = QImage.Format.Format_ARGB32_Premultiplied
    return QImage(colours.data, columns, rows, columns * 4, kind).copy()
