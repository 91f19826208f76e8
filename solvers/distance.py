"""A signed distance given on a grid, read anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


@dataclass(frozen=True)
class DistanceMap:
    """Signed distance to a border, negative inside.

    Args:
        values_mm: (ni, nj, nk) float32 mm.
        affine: (4, 4) float64, index (i, j, k) → LPS mm.
    """

    values_mm: NDArray[np.float32]
    affine: NDArray[np.float64]

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n,) float64 mm at `points` (n, 3) LPS mm, trilinear between voxel centres.

        Outside the grid: the value at its nearest point plus the distance to that point.
        """
        inverse = np.linalg.inv(self.affine)
        index = points @ inverse[:3, :3].T + inverse[:3, 3]
        inside = np.clip(index, 0.0, np.array(self.values_mm.shape) - 1.0)
        read = ndimage.map_coordinates(
            self.values_mm, inside.T, output=np.float64, order=1, mode="nearest"
        )
        beyond = np.linalg.norm((index - inside) @ self.affine[:3, :3].T, axis=1)
        return np.asarray(read + beyond)
