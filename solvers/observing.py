"""What was seen of a displacement, and how far an answer is from it.

The displacement at a point is linear between the four nodes of its cell, for every element: what
the answer's nodes alone say. It differs from a quadratic element's own by h² u''/8 at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from solvers.contract import Input
from solvers.failures import BadInput
from solvers.meshfiles import real_array
from solvers.refinement import Mesh

Reals = NDArray[np.float64]
INPUTS: Final = (
    Input("observed_points_mm", "(k, 3)", "float64", "mm", "points that were seen, at rest, LPS"),
    Input("observed_mm", "(k, 3)", "float64", "mm", "how far each has moved"),
    Input("observed_sd_mm", "(k,)", "float64", "mm", "standard deviation of each coordinate"),
)
OUTSIDE_MM: Final = 1.0
"""How far a point may lie outside the mesh: it is then taken with the nearest cell."""
_NEAREST: Final = 48
_INSIDE: Final = -1e-9


@dataclass(frozen=True, eq=False)
class Observed:
    """Displacements of points.

    Args:
        at: (k, n) sparse: displacement of the nodes → that of the points.
        displacement_mm: (k, 3).
        sd_mm: (k,) of each coordinate, independent and Gaussian.
    """

    at: sparse.csr_array
    displacement_mm: Reals
    sd_mm: Reals

    def misfit(self, moved_mm: Reals) -> tuple[float, Reals]:
        """Return Σ |u - observed|²/(2 sd²) of (n, 3) node displacements, and its slope (n, 3)."""
        away = (self.at @ moved_mm - self.displacement_mm) / self.sd_mm[:, None]
        return 0.5 * float((away**2).sum()), np.asarray(self.at.T @ (away / self.sd_mm[:, None]))


def observed(arrays: Mapping[str, NDArray[Any]], mesh: Mesh) -> Observed:
    """Return what the arrays of `INPUTS` say.

    Raises:
        BadInput: missing, of a wrong shape, no noise, or a point more than 1 mm outside the mesh.
    """
    points = real_array(arrays, "observed_points_mm", (None, 3))
    moved = real_array(arrays, "observed_mm", (len(points), 3))
    noise = real_array(arrays, "observed_sd_mm", (len(points),))
    if len(points) == 0 or not (noise > 0.0).all():
        raise BadInput("observed_sd_mm: there must be points, and each noise must be positive")
    return Observed(interpolation(mesh, points), moved, noise)


def interpolation(mesh: Mesh, points_mm: Reals) -> sparse.csr_array:
    """Return (k, n) weights of the nodes at each point (k, 3) mm; BadInput if one is outside."""
    corners = mesh.points_mm[mesh.cells]
    _, near = cKDTree(corners.mean(axis=1)).query(points_mm, k=min(_NEAREST, len(corners)))
    rows, columns, weights = [], [], []
    for row, (point, candidates) in enumerate(zip(points_mm, np.atleast_2d(near.T).T, strict=True)):
        cell, parts = _place(corners, point, candidates)
        if cell < 0:
            around = (corners.min(axis=1) <= point) & (point <= corners.max(axis=1))
            cell, parts = _place(corners, point, np.union1d(candidates, np.flatnonzero(around)))
        if cell < 0:
            cell, parts = _nearest(corners, point, candidates, row)
        rows += [row] * 4
        columns += mesh.cells[cell].tolist()
        weights += parts.tolist()
    shape = (len(points_mm), len(mesh.points_mm))
    return sparse.csr_array((weights, (rows, columns)), shape=shape)


def _barycentric(corners: Reals, point: Reals) -> Reals:
    """(c, 4) the coordinates of a point in each of (c, 4, 3) cells."""
    edges = np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
    others = np.linalg.solve(edges, (point - corners[:, 0])[..., None])[..., 0]
    return np.column_stack([1.0 - others.sum(axis=1), others])


def _place(corners: Reals, point: Reals, candidates: NDArray[Any]) -> tuple[int, Reals]:
    """The cell a point is in and its coordinates there; -1 if it is in none."""
    parts = _barycentric(corners[candidates], point)
    best = int(parts.min(axis=1).argmax())
    return (int(candidates[best]) if parts[best].min() >= _INSIDE else -1), parts[best]


def _nearest(corners: Reals, point: Reals, candidates: NDArray[Any], row: int) -> tuple[int, Reals]:
    """The nearest of the cells and the coordinates of its point that is nearly the closest."""
    parts = np.clip(_barycentric(corners[candidates], point), 0.0, None)
    parts /= parts.sum(axis=1, keepdims=True)
    away = np.linalg.norm(np.einsum("ci,cij->cj", parts, corners[candidates]) - point, axis=1)
    best = int(away.argmin())
    if away[best] > OUTSIDE_MM:
        x, y, z = point
        raise BadInput(
            f"observed_points_mm: point {row} at ({x:.1f}, {y:.1f}, {z:.1f}) mm lies "
            f"{away[best]:.1f} mm outside the mesh; at most {OUTSIDE_MM:g} mm is taken"
        )
    return int(candidates[best]), parts[best]
