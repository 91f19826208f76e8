"""One slice of a Series at once, and a small picture of its middle, without reading the rest."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.importing.found import Series
from organtwin.importing.geometry import normal_of, plane_grid
from organtwin.importing.pixels import FrameReader
from organtwin.importing.scanning import read_volume

THUMBNAIL: Final = 96
CT_WINDOW: Final = (40.0, 400.0)
"""Centre and width in HU: the soft-tissue window of an abdomen."""
ENDS: Final = (1.0, 99.5)
"""Percentiles between which values without a unit are grey."""
VIEWS: Final = {0: ((0, 1, 0), (0, 0, -1)), 1: ((1, 0, 0), (0, 0, -1)), 2: ((1, 0, 0), (0, 1, 0))}
"""Axis nearest to the normal → LPS directions to the right and down on the screen: sagittal with
anterior at the left, coronal and axial with the patient's right at the left, head or front up."""


def slice_of(series: Series, n: int) -> NDArray[np.float32]:
    """Return (rows, columns) float32 in the image's unit: the `n`-th slice along the normal.

    Only that slice is decoded (formats that cannot be read in part are read whole).

    Raises:
        UnreadableFile: the file is damaged, changed since the scan, or cannot be decoded.
        BadArgument: there is no such slice.
        BadInput: as `read_volume`, where the format is read whole.
    """
    count = len(series.slices) or series.size[2]
    if not 0 <= n < count:
        raise BadArgument(f"no slice {n} of {count}", where=series.description)
    if not series.slices:
        whole = read_volume(series, Watch()).voxels[:, :, n].T
        return np.ascontiguousarray(whole, dtype=np.float32)
    one = series.slices[n]
    samples = FrameReader(one.pixels).frame(one.frame).astype(np.float32)
    return samples * np.float32(one.slope) + np.float32(one.intercept)


def placed_slice(series: Series, n: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return `slice_of` as (ni, nj, 1) and its affine (4, 4), index → LPS mm; raises as that."""
    values = slice_of(series, n).T[:, :, None]
    step_mm = abs(series.geometry.spacing_mm[2]) or 1.0
    if series.slices:
        return values, plane_grid(series.slices[n], step_mm)
    affine = series.affine.copy()
    affine[:3, 3] += affine[:3, 2] * n
    return values, affine


def window_of(values: NDArray[Any], unit: str) -> tuple[float, float]:
    """Return centre and width in `unit` of a window that shows an image of any shape."""
    if unit == "HU":
        return CT_WINDOW
    there = values[np.isfinite(values)]
    low, high = np.percentile(there, ENDS) if there.size else (0.0, 1.0)
    if high <= low and there.size:
        low, high = there.min(), there.max()
    width = float(high - low) or 1.0
    return float(low) + width / 2.0, width


def thumbnail(series: Series) -> NDArray[np.uint8]:
    """Return (rows, columns) uint8, at most 96 by 96: the middle slice as a radiologist sees it.

    The aspect is right in mm; window as `window_of`, inverted for MONOCHROME1 (PS3.3 C.7.6.3.1.2).

    Raises:
        BadInput: the series was refused, or as `slice_of`.
    """
    if series.refusal is not None:
        raise series.refusal.error()
    middle = (len(series.slices) or series.size[2]) // 2
    values = slice_of(series, middle)
    centre, width = window_of(values, series.unit)
    grey = np.clip((values - (centre - width / 2)) * (255.0 / width), 0, 255)
    if series.inverted:
        grey = 255 - grey
    return _upright(np.nan_to_num(grey), series)


def _upright(grey: NDArray[Any], series: Series) -> NDArray[np.uint8]:
    """Return (rows, columns) turned to the screen's directions and scaled to fit."""
    axes = series.affine[:3, :3]
    spacing_mm = np.linalg.norm(axes, axis=0)
    i, j = (axes[:, n] / spacing_mm[n] for n in (0, 1))
    if series.slices:
        i, j = np.array(series.slices[0].row), np.array(series.slices[0].column)
    across_mm, down_mm = spacing_mm[0], spacing_mm[1]
    normal = normal_of(series.slices[0]) if series.slices else np.cross(i, j)
    right, down = (np.array(v, dtype=float) for v in VIEWS[int(np.argmax(np.abs(normal)))])
    if abs(i @ down) + abs(j @ right) > abs(i @ right) + abs(j @ down):
        grey, i, j, across_mm, down_mm = grey.T, j, i, down_mm, across_mm
    grey = grey[:: 1 if j @ down >= 0 else -1, :: 1 if i @ right >= 0 else -1]
    size_mm = np.array([grey.shape[0] * down_mm, grey.shape[1] * across_mm])
    if not np.isfinite(size_mm).all() or size_mm.min() <= 0:
        raise UnreadableFile("pixels without a size", where=series.description)
    rows, columns = np.maximum(np.round(size_mm * (THUMBNAIL / size_mm.max())), 1).astype(int)
    return _averaged(_averaged(grey, int(rows), 0), int(columns), 1).astype(np.uint8)


def _averaged(grey: NDArray[Any], count: int, axis: int) -> NDArray[Any]:
    """Return `grey` with `count` cells along an axis, each the mean of what falls into it."""
    starts = np.arange(count) * grey.shape[axis] // count
    ends = np.maximum(np.append(starts[1:], grey.shape[axis]), starts + 1)
    sums = np.add.reduceat(grey.astype(np.float64), starts, axis=axis)
    shape = (-1, 1) if axis == 0 else (1, -1)
    return np.asarray(sums / (ends - starts).reshape(shape))
