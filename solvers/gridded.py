"""Densities between a mesh and a grid of voxels, and what that does to their amount.

On a mesh a field is linear in each tetrahedron, a value at each node. On a grid it has a value at
each voxel's centre, which holds in all of the voxel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from solvers.failures import BadInput
from solvers.refinement import Mesh
from solvers.tetrahedra import node_volumes_mm3, volumes_mm3

Reals = NDArray[np.float64]
ON_A_FACE: Final = 1e-9
AT_ONCE: Final = 1_000_000
MOST_VOXELS: Final = 2**26
_POINTS: Final = 0.25 + 0.25 * np.sqrt(0.2) * (4.0 * np.eye(4) - 1.0)
"""(4, 4) barycentric: (5 ∓ √5)/20, the four points exact for quadratics; Hammer & Stroud 1956."""


@dataclass(frozen=True, eq=False)
class Moved:
    """A field at its new place.

    Args:
        values: (…, ni, nj, nk) on a grid or (n,) on a mesh, float64.
        before_ml, after_ml: (…) integral of the field where it came from and where it went, mL.
    """

    values: Reals
    before_ml: Reals
    after_ml: Reals

    @property
    def mass_error(self) -> Reals:
        """(after - before) / before, (…); 0 where there was nothing before."""
        some = np.where(self.before_ml == 0.0, 1.0, self.before_ml)
        return np.asarray((self.after_ml - self.before_ml) / some)


def on_grid(
    mesh: Mesh, field: NDArray[Any], shape: tuple[int, int, int], affine: Reals,
    *, outside: float = 0.0,
) -> Moved:  # fmt: skip
    """Return a field of the nodes at the centres of voxels, exact for what is linear in each cell.

    Args:
        field: (…, n) at the nodes, several at once (days) if wanted.
        shape: of the grid; `affine` (4, 4), index → LPS mm.
        outside: value where no tetrahedron is: 0, or NaN. The amount counts no voxel there.

    Raises:
        BadInput: not one number for each node, or no such grid.
    """
    field = np.asarray(field, np.float64)
    if field.ndim < 1 or field.shape[-1] != len(mesh.points_mm):
        raise BadInput(f"a field of this mesh has {len(mesh.points_mm)} values at the nodes")
    weights = centres_in(mesh, shape, affine)
    found = (weights @ field.reshape(-1, field.shape[-1]).T).T
    inside = np.diff(weights.indptr) > 0
    voxel_ml = 1e-3 * abs(float(np.linalg.det(affine[:3, :3])))
    after = voxel_ml * found.sum(axis=1).reshape(field.shape[:-1])
    values = np.where(inside, found, outside).reshape(*field.shape[:-1], *shape)
    before = 1e-3 * (field @ node_volumes_mm3(mesh.points_mm, mesh.cells))
    return Moved(values, np.asarray(before), after)


def on_mesh(
    mesh: Mesh, voxels: NDArray[Any], affine: Reals, *, keep: Literal["amount", "values"] = "amount"
) -> Moved:
    """Return voxels (ni, nj, nk) at the nodes (n,); 0 outside the grid.

    With `keep` "amount" a node has the mean of its cells by volume, a cell that of the voxels at
    four points in it. Nothing is made or lost between voxels and their own `voxel_mesh`; steps are
    smoothed over an edge. With "values" it has the cubic spline through the voxels, within 0 and 1
    where they are: for what is smooth already, which the mean would widen.

    Raises:
        BadInput: not three dimensions, a voxel is no finite number, or no such grid.
    """
    voxels = np.asarray(voxels, np.float64)
    back = _inverse(voxels.shape, affine)
    if not np.isfinite(voxels).all():
        raise BadInput("a voxel is no finite number: give it a value, 0 where there is nothing")
    volumes = node_volumes_mm3(mesh.points_mm, mesh.cells)
    if keep == "values":
        index = mesh.points_mm @ back[:3, :3].T + back[:3, 3]
        spline = ndimage.map_coordinates(voxels, index.T, order=3, mode="grid-constant")
        values = np.clip(spline, min(0.0, voxels.min()), max(1.0, voxels.max()))
    else:
        places = np.einsum("qc,mcd->mqd", _POINTS, mesh.points_mm[mesh.cells])
        read = _nearest(voxels, places @ back[:3, :3].T + back[:3, 3]).mean(axis=1)
        share = np.repeat(read * volumes_mm3(mesh.points_mm, mesh.cells) / 4.0, 4)
        values = np.bincount(mesh.cells.ravel(), share, len(volumes)) / volumes
    before = 1e-3 * float(voxels.sum()) * abs(float(np.linalg.det(affine[:3, :3])))
    return Moved(values, np.array(before), np.array(1e-3 * float(volumes @ values)))


def centres_in(mesh: Mesh, shape: tuple[int, int, int], affine: Reals) -> sparse.csr_array:
    """Return (voxels in C order, n) weights of the nodes at each voxel's centre; none: outside."""
    back = _inverse(shape, affine)
    corners = (mesh.points_mm @ back[:3, :3].T + back[:3, 3])[mesh.cells]
    inverse = np.linalg.inv(corners[:, 1:] - corners[:, :1])
    cell_of = np.full(int(np.prod(shape)), -1, np.int32)
    for cells, voxels in _candidates(corners, shape):
        inside = (_parts(corners, inverse, cells, voxels) >= -ON_A_FACE).all(axis=1)
        cell_of[np.ravel_multi_index(tuple(voxels[inside].T), shape)] = cells[inside]
    rows = np.flatnonzero(cell_of >= 0)
    voxels = np.column_stack(np.unravel_index(rows, shape))
    weights = _parts(corners, inverse, cell_of[rows], voxels)
    start = np.concatenate([[0], np.cumsum(4 * (cell_of >= 0))])
    columns = mesh.cells[cell_of[rows]].ravel()
    size = (len(cell_of), len(mesh.points_mm))
    return sparse.csr_array((weights.ravel(), columns, start), shape=size)


def _parts(corners: Reals, inverse: Reals, cells: NDArray[Any], voxels: NDArray[np.int64]) -> Reals:
    """(k, 4) barycentric coordinates of voxels (k, 3) in cells (k,)."""
    others = np.einsum("ki,kij->kj", voxels - corners[cells, 0], inverse[cells])
    return np.column_stack([1.0 - others.sum(axis=1), others])


def _inverse(shape: tuple[int, ...], affine: Reals) -> Reals:
    if len(shape) != 3 or min(shape) < 1 or int(np.prod(shape)) > MOST_VOXELS:
        raise BadInput(
            f"a grid of {shape} voxels: expected three dimensions, 1 to {MOST_VOXELS} voxels"
        )
    affine = np.asarray(affine, np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise BadInput("affine: expected (4, 4) finite numbers that map an index to LPS mm")
    if abs(np.linalg.det(affine[:3, :3])) < 1e-9 or (affine[3] != (0, 0, 0, 1)).any():
        raise BadInput("affine: it maps no grid to LPS mm")
    return np.linalg.inv(affine)


def _nearest(voxels: Reals, index: Reals) -> Reals:
    """The voxel about each index (…, 3), 0 outside the grid."""
    rounded = np.rint(index).astype(np.int64)
    inside = ((rounded >= 0) & (rounded < voxels.shape)).all(axis=-1)
    i, j, k = np.moveaxis(np.where(inside[..., None], rounded, 0), -1, 0)
    return np.where(inside, voxels[i, j, k], 0.0)


def _candidates(
    corners: Reals, shape: tuple[int, int, int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield cells (k,) and voxels (k, 3) whose centre lies in the box about the cell."""
    low = np.clip(np.ceil(corners.min(axis=1) - ON_A_FACE), 0, None).astype(np.int64)
    high = np.minimum(
        np.floor(corners.max(axis=1) + ON_A_FACE).astype(np.int64), np.array(shape) - 1
    )
    spans = np.maximum(high - low + 1, 0)
    counts = spans.prod(axis=1)
    some = np.flatnonzero(counts)
    for part in np.split(some, np.flatnonzero(np.diff(np.cumsum(counts[some]) // AT_ONCE)) + 1):
        cells = np.repeat(part, counts[part])
        before = np.repeat(np.cumsum(counts[part]) - counts[part], counts[part])
        rest, k = np.divmod(np.arange(len(cells)) - before, spans[cells, 2])
        i, j = np.divmod(rest, spans[cells, 1])
        yield cells, low[cells] + np.column_stack([i, j, k])
