"""Closed contours to pixels: even-odd, exact at pixel centres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile

CROSSING_LIMIT: Final = 50_000_000


def filled(polygons: Sequence[NDArray[Any]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (ni, nj) bool: pixels whose centre an odd number of polygons encloses.

    Holes, keyholes and islands follow from the even-odd rule. Vertices are not rounded; a centre
    on an edge counts on the low side only, so that neighbours neither overlap nor leave a gap.

    Args:
        polygons: each (n, 2), continuous pixel indices (i, j), closed by itself.

    Raises:
        UnreadableFile: one polygon crosses the lines of pixels more than 50 million times.
    """
    ni, nj = shape
    toggles = np.zeros(nj * (ni + 1), dtype=np.int64)
    for polygon in polygons:
        j, i = _crossings(np.round(polygon, 6), nj)
        first = np.clip(np.ceil(i), 0, ni).astype(np.int64)
        toggles += np.bincount(j * (ni + 1) + first, minlength=len(toggles))
    inside = np.cumsum(toggles.reshape(nj, ni + 1)[:, :ni], axis=1) % 2 == 1
    return np.asfortranarray(inside.T)


def _crossings(
    polygon: NDArray[np.float64], nj: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return where edges cross the lines j = 0 … nj - 1: the line and the i there."""
    begin, end = polygon, np.roll(polygon, -1, axis=0)
    upward = begin[:, 1] <= end[:, 1]
    low = np.where(upward[:, None], begin, end)
    high = np.where(upward[:, None], end, begin)
    first, last = (np.clip(np.ceil(end[:, 1]), 0, nj).astype(np.int64) for end in (low, high))
    count = last - first
    if count.sum() > CROSSING_LIMIT:
        raise UnreadableFile("a contour is longer than any in a patient")
    edge = np.repeat(np.arange(len(polygon)), count)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    j = first[edge] + within
    rise = high[edge, 1] - low[edge, 1]
    share = (j - low[edge, 1]) / rise
    return j, low[edge, 0] + share * (high[edge, 0] - low[edge, 0])
