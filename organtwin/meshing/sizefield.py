"""A field of edge lengths, graded smoothly from the places that ask for short ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

LEVELS = 10


class SizeField:
    """Edge length wanted anywhere: min over seeds of (its size + grading × distance).

    Args:
        points: (n, 3) float64, LPS mm, where a size is asked for.
        sizes_mm: (n,) float64, the size asked for there.
        limit_mm: nowhere more than this.
        grading: growth of the size per distance (1).
    """

    def __init__(
        self,
        points: NDArray[np.float64],
        sizes_mm: NDArray[np.float64],
        limit_mm: float,
        grading: float,
    ) -> None:
        self._limit, self._grading = limit_mm, grading
        edges = np.geomspace(max(sizes_mm.min(), 1e-3), limit_mm * 1.0001, LEVELS + 1)
        level = np.clip(np.searchsorted(edges, sizes_mm, side="right") - 1, 0, LEVELS - 1)
        self._levels = [
            (float(sizes_mm[level == number].mean()), cKDTree(points[level == number]))
            for number in np.unique(level)
        ]

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n,) the edge length in mm wanted at (n, 3) LPS mm."""
        wanted = np.full(len(points), self._limit)
        for size, tree in self._levels:
            reach = (self._limit - size) / self._grading
            distance, _ = tree.query(points, distance_upper_bound=max(reach, 1e-6))
            np.minimum(wanted, size + self._grading * distance, out=wanted)
        return wanted
