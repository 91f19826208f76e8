"""Slices of a grid as a radiologist expects them: which way is up, which letter at which edge.

An axial slice is seen from the feet (the patient's right is at the left of the screen, anterior
up), a coronal slice from the front (right at the left, head up), a sagittal slice from the left
side of the patient (anterior at the left, head up). Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
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
LETTERS: Final = (("R", "L"), ("A", "P"), ("I", "S"))


@dataclass(frozen=True, eq=False)
class Canonical:
    """A grid turned so that its axes grow nearest to left, posterior, superior; never resampled.

    Args:
        array: (nx, ny, nz), a view of the given array (axes permuted and flipped, no copy).
        affine: (4, 4) float64, canonical index → LPS mm.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Return (3,) the distance between voxel centres along the canonical axes in mm."""
        result: NDArray[np.float64] = np.linalg.norm(self.affine[:3, :3], axis=0)
        return result

    def index(self, lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map LPS mm (3,) to continuous canonical indices (3,)."""
        result: NDArray[np.float64] = np.linalg.solve(
            self.affine[:3, :3], np.asarray(lps_mm) - self.affine[:3, 3]
        )
        return result

    def position_mm(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map canonical indices (3,) to LPS mm (3,)."""
        result: NDArray[np.float64] = self.affine[:3, :3] @ index + self.affine[:3, 3]
        return result

    def slice(self, plane: Plane, number: int) -> NDArray[Any]:
        """Return one slice as (rows, columns), row 0 at the top of the screen."""
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


def letters(grid: Canonical, plane: Plane) -> tuple[str, str, str, str]:
    """Return the patient directions at the left, right, top and bottom edge of the screen.

    An oblique edge gets two letters, the nearer direction first ("LA").
    """
    across, down, _ = AXES[plane]
    right = grid.affine[:3, across]
    below = grid.affine[:3, down] * (-1.0 if down == 2 else 1.0)
    return _letter(-right), _letter(right), _letter(-below), _letter(below)


def _letter(direction: NDArray[np.float64]) -> str:
    unit = direction / np.linalg.norm(direction)
    axes = sorted(range(3), key=lambda axis: -abs(unit[axis]))
    named = [axis for axis in axes if abs(unit[axis]) > 0.26]
    return "".join(LETTERS[axis][int(unit[axis] > 0)] for axis in named)
