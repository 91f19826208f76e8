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
_NEAREST: Final = (4, 48)
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
    _, near = cKDTree(corners.mean(axis=1)).query(points_mm, k=min(_NEAREST[-1], len(corners)))
    near = near.reshape(len(points_mm), -1)
    cells, parts = np.full(len(points_mm), -1), np.zeros((len(points_mm), 4))
    for count in _NEAREST:
        rest = np.flatnonzero(cells < 0)
        found, at = _best(corners, points_mm[rest], near[rest, :count])
        inside = at.min(axis=1, initial=np.inf) >= _INSIDE
        cells[rest[inside]], parts[rest[inside]] = found[inside], at[inside]
    for row in np.flatnonzero(cells < 0):
        cells[row], parts[row] = _searched(corners, points_mm[row], near[row], int(row))
    rows = np.repeat(np.arange(len(points_mm)), 4)
    shape = (len(points_mm), len(mesh.points_mm))
    return sparse.csr_array((parts.ravel(), (rows, mesh.cells[cells].ravel())), shape=shape)


def _barycentric(corners: Reals, points: Reals) -> Reals:
    """(..., 4) the coordinates of points (..., 3) in cells (..., 4, 3)."""
    edges = np.swapaxes(corners[..., 1:, :] - corners[..., :1, :], -1, -2)
    others = np.linalg.solve(edges, (points - corners[..., 0, :])[..., None])[..., 0]
    return np.concatenate([1.0 - others.sum(axis=-1, keepdims=True), others], axis=-1)


def _best(
    corners: Reals, points: Reals, candidates: NDArray[Any]
) -> tuple[NDArray[np.intp], Reals]:
    """The candidate (k, c) that each point (k, 3) is deepest in, and its coordinates there."""
    parts = _barycentric(corners[candidates], points[:, None])
    best = parts.min(axis=2).argmax(axis=1)
    rows = np.arange(len(points))
    return candidates[rows, best], parts[rows, best]


def _searched(
    corners: Reals, point: Reals, candidates: NDArray[Any], row: int
) -> tuple[int, Reals]:
    """As `_best` among all cells about one point; the nearest of the candidates if in none."""
    around = (corners.min(axis=1) <= point) & (point <= corners.max(axis=1))
    wider = np.union1d(candidates, np.flatnonzero(around.all(axis=1)))
    found, at = _best(corners, point[None], wider[None])
    if at.min() >= _INSIDE:
        return int(found[0]), at[0]
    return _nearest(corners, point, candidates, row)


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
