"""Slices that are no regular grid, sampled on one: linear in the plane and between planes.

Padding (PixelPaddingValue, PS3.3 C.7.5.1.1.2) marks pixels that were not measured; it is no value
to be mixed with others, so where one of two neighbours is padding the nearer one is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.watch import Watch
from organtwin.importing.between import weights
from organtwin.importing.geometry import Stack

Plane = NDArray[np.float32]
NEGLIGIBLE: Final = 1e-4


def resampled(
    stack: Stack, plane_of: Callable[[int], Plane], *, fill: float | None, watch: Watch
) -> NDArray[np.float32]:
    """Return (ni, nj, nk) float32, Fortran order: the stack's grid, in the slices' unit.

    Args:
        plane_of: n → (rows, columns) float32, the n-th slice of the stack.
        fill: where no slice reaches; the lowest value found when None.
    """
    ni, nj, nk = stack.size
    planes = np.empty((nk, nj, ni), dtype=np.float32)
    heights, step_mm = stack.places[:, 2], stack.report.spacing_mm[2]
    placed: dict[int, Plane] = {}
    for k in range(nk):
        watch.tell(k / nk, "resampling")
        used = weights(heights, k, step_mm)
        placed = {
            n: placed[n]
            if n in placed
            else _placed(plane_of(n), stack.places[n, :2], (nj, ni), stack.slices[n].padding_value)
            for n in used
        }
        first, *second = used
        planes[k] = placed[first]
        if second:
            pads = [stack.slices[n].padding_value for n in used]
            planes[k] = _between(placed[first], placed[second[0]], used[second[0]], pads)
    outside = np.isnan(planes)
    planes[outside] = np.nanmin(planes) if fill is None else fill
    return planes.transpose(2, 1, 0)


def _between(a: Plane, b: Plane, share: float, pads: Sequence[float | None]) -> Plane:
    """Return what lies between two planes, `share` of the way from `a` to `b`."""
    mixed = a * np.float32(1 - share) + b * np.float32(share)
    for plane, pad in zip((a, b), pads, strict=True):
        if pad is not None:
            padded = plane == np.float32(pad)
            mixed[padded] = (b if share > 0.5 else a)[padded]
    return np.asarray(mixed)


def _placed(
    plane: Plane, place: NDArray[np.float64], shape: tuple[int, int], pad: float | None
) -> Plane:
    """Return `plane` (rows, columns) shifted to `place` (i, j) on a canvas, NaN around it."""
    canvas = np.full(shape, np.nan, dtype=np.float32)
    starts = []
    for axis, shift in ((1, place[0]), (0, place[1])):
        whole = int(np.floor(shift + NEGLIGIBLE))
        part = np.float32(shift - whole)
        if part > NEGLIGIBLE:
            before = np.take(plane, range(plane.shape[axis] - 1), axis)
            after = np.take(plane, range(1, plane.shape[axis]), axis)
            plane = _between(before, after, float(1 - part), (pad, pad))
            whole += 1
        starts.append(whole)
    i, j = starts
    canvas[j : j + plane.shape[0], i : i + plane.shape[1]] = plane
    return canvas
