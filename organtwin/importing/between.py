"""Between slices: which of them a plane of a regular grid is made of, and how far they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.volume import spacing_of, voxel_ml_of

GOOD_MM: Final = 0.05
"""How far a voxel of a good grid may lie from where it was measured, …"""
GOOD_PART: Final = 0.1
"""… and at most this part of the distance between slices."""
HARDLY_MM: Final = 1e-6
"""Of arithmetic: what was written to a tenth of a mm lies up to 0.05 mm off."""
WHOLE: Final = 0.03
"""How near to a whole number of spacings a gap has to be to count as missing slices."""


EXACT_MM: Final = 0.011
"""Nothing is said of less: positions are written to a hundredth of a mm."""
SAME_PLACE_MM: Final = 1e-3
SAME_PLACE_PART: Final = 0.05
"""Slices nearer than this part of the usual distance lie at one place."""
USUAL: Final = 0.9


def crowded(heights: NDArray[np.float64]) -> bool:
    """Return whether images lie at one place, as phases or echoes do.

    The usual distance is one that most gaps do not exceed, so that missing slices are none; where
    most gaps are of images at one place, what positions are written to decides.

    Args:
        heights: (n,) mm along the normal, in any order.
    """
    gaps = np.diff(np.sort(heights))
    if not len(gaps):
        return False
    usual = float(np.quantile(gaps, USUAL, method="lower"))
    written = min(EXACT_MM, SAME_PLACE_PART * float(gaps.max()))
    return bool(gaps.min() < max(SAME_PLACE_MM, written, SAME_PLACE_PART * usual))


def weights(heights: NDArray[np.float64], k: int, spacing_mm: float) -> dict[int, float]:
    """Return slice → weight of plane `k`: one slice within 0.05 mm of it, else the two around it.

    Args:
        heights: (n,) of the slices in planes, ascending.
    """
    snap = min(GOOD_MM / spacing_mm, GOOD_PART)
    upper = min(int(np.searchsorted(heights, k)), len(heights) - 1)
    lower = max(upper - 1, 0)
    near = min((lower, upper), key=lambda n: abs(heights[n] - k))
    if abs(heights[near] - k) <= snap:
        return {near: 1.0}
    share = (k - heights[lower]) / (heights[upper] - heights[lower])
    share = float(min(max(share, 0.0), 1.0))
    return {n: w for n, w in ((lower, 1.0 - share), (upper, share)) if w > 0}


def filled_in(
    places: NDArray[np.float64],
    affine: NDArray[np.float64],
    size: tuple[int, int, int],
    plane: tuple[int, int],
) -> tuple[float, float]:
    """Return residual in mm and the mL filled in between slices, of a resampled grid.

    The residual of a voxel is its distance from the nearest of the measured pixels that gave it
    its value; slices are shifted whole, so that all voxels of one plane share it.

    Args:
        places: (n, 3) index of each slice's first pixel in the grid.
        size: of the grid; plane: of a slice.
    """
    spacing = np.array(spacing_of(affine))
    beside_mm = np.abs(places[:, :2] - np.round(places[:, :2])) * spacing[:2]
    residual_mm = interpolated_ml = 0.0
    for k in range(size[2]):
        used = list(weights(places[:, 2], k, float(spacing[2])))
        above_mm = (places[used, 2] - k) * spacing[2]
        near = np.hypot(above_mm, np.linalg.norm(beside_mm[used], axis=1)).min()
        residual_mm = max(residual_mm, float(near))
        if len(used) == 2 and np.ptp(places[used, 2]) > 1 + WHOLE:
            shared = plane - np.ptp(places[used, :2], axis=0)
            interpolated_ml += float(np.prod(np.maximum(shared, 0))) * voxel_ml_of(affine)
    return residual_mm, interpolated_ml


def whole_steps(gaps: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the spacing of which every gap is a whole number, and the numbers; else 0.

    Args:
        gaps: (n - 1,) mm between neighbours along the normal.
    """
    step = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    counts = np.round(gaps / step)
    if np.abs(gaps - counts * step).max() > WHOLE * step:
        return 0.0, counts
    step = float(gaps.sum() / counts.sum())
    off = np.abs(np.cumsum(gaps) - np.cumsum(counts) * step).max()
    return (step if off <= WHOLE * step else 0.0), counts


def even_steps_mm(heights: NDArray[np.float64]) -> Iterator[float]:
    """Yield steps of even grids near heights: that of the ends, then the one that fits best.

    The best is off which the farthest height lies least: the width of the residuals is convex in
    the step, and least within twice what it is for the step of the ends, over the number of gaps.

    Args:
        heights: (n,) mm in order, n ≥ 2.
    """
    steps = np.arange(len(heights))
    ends = float(heights[-1] - heights[0]) / float(steps[-1])
    yield ends
    from scipy.optimize import minimize_scalar  # 0.3 s, which even stacks need not pay

    off = heights - ends * steps

    def width_mm(more: float) -> float:
        return float(np.ptp(off - more * steps))

    room = 2 * width_mm(0.0) / float(steps[-1]) + HARDLY_MM
    best = minimize_scalar(
        width_mm, bounds=(-room, room), method="bounded", options={"xatol": 1e-10}
    )
    yield ends + float(best.x)


def naive_offset_mm(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Return how far a slice lies from its place in an even stack along the normal.

    Its spacing is the distance of the first and last position over the number of gaps, which is
    what readers take that look at no others.

    Args:
        positions: (n, 3) LPS mm of the slices in order; normal: (3,) unit vector.
    """
    steps = np.arange(len(positions)) / (len(positions) - 1)
    along_mm = float(np.linalg.norm(positions[-1] - positions[0]))
    even = positions[0] + np.outer(steps * along_mm, normal)
    return float(np.linalg.norm(positions - even, axis=1).max())
