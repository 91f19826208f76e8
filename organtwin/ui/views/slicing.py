"""Slices of a grid as a radiologist expects them: which way is up, which letter at which edge.

An axial slice is seen from the feet (the patient's right is at the left of the screen, anterior
up), a coronal slice from the front (right at the left, head up), a sagittal slice from the left
side of the patient (anterior at the left, head up). Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Plane = Literal["axial", "coronal", "sagittal"]
PLANES: Final[tuple[Plane, ...]] = ("axial", "coronal", "sagittal")
AXES: Final[dict[Plane, tuple[int, int, int]]] = {
    "axial": (0, 1, 2),
    "coronal": (0, 2, 1),
    "sagittal": (1, 2, 0),
}
"""Canonical axes of each plane: screen horizontal, screen vertical, across the slices."""


@dataclass(frozen=True, eq=False)
class Canonical:
    """A grid turned so that its axes grow nearest to left, posterior, superior; never resampled.

    Args:
        array: (nx, ny, nz), a view of the given array (axes permuted and flipped, no copy).
        affine: (4, 4) float64, canonical index → LPS mm.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]

    @cached_property
    def _back(self) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.linalg.inv(self.affine[:3, :3]).T
        return result

    @cached_property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Return (3,) the distance between voxel centres along the canonical axes in mm."""
        result: NDArray[np.float64] = np.linalg.norm(self.affine[:3, :3], axis=0)
        return result

    def index(self, lps_mm: NDArray[Any]) -> NDArray[np.float64]:
        """Map LPS mm (..., 3) to continuous canonical indices (..., 3)."""
        result: NDArray[np.float64] = (np.asarray(lps_mm) - self.affine[:3, 3]) @ self._back
        return result

    def position_mm(self, index: NDArray[Any]) -> NDArray[np.float64]:
        """Map canonical indices (..., 3) to LPS mm (..., 3)."""
        result: NDArray[np.float64] = np.asarray(index) @ self.affine[:3, :3].T
        result = result + self.affine[:3, 3]
        return result

    def holds(self, lps_mm: NDArray[Any]) -> bool:
        """Say whether a place (3,) LPS mm lies in a voxel of the grid."""
        nearest = np.round(self.index(lps_mm))
        return bool((nearest >= 0).all() and (nearest < self.array.shape).all())

    def slice(self, plane: Plane, number: int) -> NDArray[Any]:
        """Return one slice as (rows, columns), row 0 at the top of the screen; a view."""
        _, down, through = AXES[plane]
        plate: NDArray[Any] = np.moveaxis(self.array, through, 0)[number].T
        return plate[::-1] if down == 2 else plate

    def extent(self, plane: Plane) -> tuple[int, int, int]:
        """Return how many columns, rows and slices a plane has."""
        across, down, through = AXES[plane]
        shape = self.array.shape
        return shape[across], shape[down], shape[through]


def canonical(array: NDArray[Any], affine: NDArray[np.float64]) -> Canonical:
    """Turn a grid (ni, nj, nk) with its affine (index → LPS mm) to its nearest LPS order."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    order = max(
        permutations(range(3)),
        key=lambda p: sum(abs(directions[axis, p[axis]]) for axis in range(3)),
    )
    turned = np.transpose(array, order)
    matrix = np.eye(4)
    matrix[:, :3] = affine[:, list(order)]
    matrix[:, 3] = affine[:, 3]
    for axis in range(3):
        if matrix[axis, axis] < 0:
            turned = np.flip(turned, axis)
            matrix[:3, 3] += matrix[:3, axis] * (turned.shape[axis] - 1)
            matrix[:3, axis] *= -1
    return Canonical(turned, matrix)
