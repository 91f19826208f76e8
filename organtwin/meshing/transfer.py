"""Transfer: fields from a mesh to a voxel grid and back, and what was lost on the way.

Fields on a mesh are linear in each tetrahedron, a value at each point (P1); fields on a grid have
a value at each voxel's centre. Two ways in each direction:

- interpolation, for temperatures, displacements, concentrations: exact for linear fields;
- of densities (amount per mm³): the amount is kept to round-off, by exact integrals over what
  tetrahedra and voxels have in common (`overlaps`). A voxel gets the integral over it; a point gets
  the integral with its hat function over that function's own (a lumped L2 projection).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.meshing.overlaps import NOTHING, Overlaps, in_index

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AT_ONCE: Final = 2_000_000
ON_A_FACE: Final = 1e-9
LEAST_SHARE: Final = 1e-6
"""A voxel filled by less has no density of tissue: round-off would show."""
WHOLE: Final = 1.0 - 1e-9


@dataclass(frozen=True, eq=False)
class Transferred:
    """A field at its new place.

    Args:
        values: (ni, nj, nk) float64, Fortran order, or (n,) at the points of the mesh; NaN where
            there is no value.
        share: (ni, nj, nk) part of each voxel inside the mesh, exact; None for interpolation.
        before: integral of the field where it came from, in its unit times mm³: over the mesh, or
            over the part of the grid that is mesh (confined: all voxels that are partly mesh).
        after: the same where it went to.
        outside: part (0..1) of the amount left behind, or of the volume without a value.
        unset: target voxels or points without a value.
        partial: of a density: the whole amount, mm³ times its unit, in the voxels that the mesh
            fills in part.
        off_constant: of a density: by how much values would differ from 1 at most were it 1 on
            the whole grid.
    """

    values: Floats
    share: Floats | None
    before: float
    after: float
    outside: float
    unset: int
    partial: float = 0.0
    off_constant: float = 0.0

    @property
    def relative_error(self) -> float:
        """(after - before) / |before|; the difference itself where there was nothing before."""
        return (self.after - self.before) / (abs(self.before) or 1.0)

    @property
    def in_tissue(self) -> Floats:
        """(ni, nj, nk) the density in the part of each voxel that is tissue, NaN without any.

        Unlike `values`, whose sum is the amount, it is constant where the density is.

        Raises:
            BadArgument: no density on voxels.
        """
        if self.share is None or self.share.shape != self.values.shape:
            raise BadArgument("only a density on voxels has a share of tissue", where="transfer")
        some = np.where(self.share > LEAST_SHARE, self.share, np.nan)
        result: Floats = self.values / some
        return result


def to_grid(
    mesh: OrganMesh, values: Floats, shape: tuple[int, int, int], affine: Floats
) -> Transferred:
    """Interpolate a field at the centres of voxels; outside the mesh NaN.

    Args:
        values: (n,) at the mesh's points.
        shape: of the grid; `affine` (4, 4), index → LPS mm.

    Raises:
        BadArgument: not one finite number for each point, or no voxels.
    """
    _require_points(mesh, values)
    _require_grid(shape, affine)
    corners = in_index(mesh.points, affine)[mesh.tetrahedra]
    found = np.full(int(np.prod(shape)), np.nan)
    for cells, voxels in _candidates(corners, shape):
        weights = _weights(corners[cells], voxels)
        inside = (weights >= -ON_A_FACE).all(axis=1)
        i, j, k = voxels[inside].T
        place = (i * shape[1] + j) * shape[2] + k
        found[place] = (weights[inside] * values[mesh.tetrahedra[cells[inside]]]).sum(axis=1)
    grid = np.asfortranarray(found.reshape(shape))
    before = float(point_volumes_mm3(mesh) @ values)
    after = float(np.nansum(grid)) * _voxel_mm3(affine)
    unset = int(np.isnan(grid).sum())
    return Transferred(grid, None, before, after, _volume_outside(mesh, shape, affine), unset)


def to_mesh(mesh: OrganMesh, values: NDArray[Any], affine: Floats) -> Transferred:
    """Interpolate voxels at the points of a mesh, linearly between centres; outside the grid NaN.

    Within half a voxel of the outermost centres the field goes on linearly. Where voxels around a
    point have no finite value, the others count alone; where none has, neither has the point.

    Args:
        values: (ni, nj, nk); `affine` (4, 4), index → LPS mm.

    Raises:
        BadArgument: not three dimensions, or no voxels.
    """
    _require_grid(values.shape, affine)
    index, size = in_index(mesh.points, affine), np.array(values.shape)
    low = np.clip(np.floor(index), 0, np.maximum(size - 2, 0)).astype(np.int64)
    found = _between(values, low, np.where(size > 1, index - low, 0.0))
    found[((index < -0.5) | (index > size - 0.5)).any(axis=1)] = np.nan
    unset, volumes = np.isnan(found), point_volumes_mm3(mesh)
    share = Overlaps(mesh, values.shape, affine).shares()
    known = np.isfinite(values) & (share > NOTHING)
    before = float((values[known] * share[known]).sum()) * _voxel_mm3(affine)
    after = float(np.nansum(found * volumes))
    outside = float(volumes[unset].sum() / volumes.sum())
    return Transferred(found, None, before, after, outside, int(unset.sum()))


def density_to_grid(
    mesh: OrganMesh, density: Floats, shape: tuple[int, int, int], affine: Floats
) -> Transferred:
    """Bring a density to voxels so that the amount is kept; arguments and errors as `to_grid`.

    A voxel's density is its amount over its whole volume, also where the mesh fills a part of it;
    what lies off the grid is missing in `after`.
    """
    _require_points(mesh, density)
    _require_grid(shape, affine)
    overlaps, voxel_mm3 = Overlaps(mesh, shape, affine), _voxel_mm3(affine)
    share = _cleared(overlaps.shares())
    values = np.where(share > 0, overlaps.amounts(density), 0.0)
    before = float(point_volumes_mm3(mesh) @ density)
    after, volume = float(values.sum()) * voxel_mm3, float(mesh.volumes_mm3().sum())
    outside = max(1.0 - float(share.sum()) * voxel_mm3 / volume, 0.0)
    partial = float(values[share < WHOLE].sum()) * voxel_mm3
    unset = int((share == 0).sum())
    return Transferred(values, share, before, after, outside, unset, partial)


def density_to_mesh(
    mesh: OrganMesh, density: NDArray[Any], affine: Floats, *, confined: bool = False
) -> Transferred:
    """Bring a density on voxels to a mesh so that the amount is kept; arguments as `to_mesh`.

    The mesh gets what lies in it: of a voxel that it fills in part the density times that part, so
    that a constant stays one; the rest stays behind (`outside`). A point off the grid has no value.

    Args:
        confined: the density is known to be nowhere but in the mesh, so that the whole amount of a
            voxel goes to its part in the mesh; values there are high where that part is small.

    Raises:
        BadArgument: not three dimensions, no voxels, or voxels in the mesh without a number.
    """
    _require_grid(density.shape, affine)
    overlaps, voxel_mm3 = Overlaps(mesh, density.shape, affine), _voxel_mm3(affine)
    share = _cleared(overlaps.shares())
    _require_numbers(density, share)
    inner, near = share[overlaps.box], density[overlaps.box]
    field = np.where(np.isfinite(near), near, 0.0)
    taken = np.where(inner > LEAST_SHARE, 1.0, 0.0) if confined else inner
    each = taken / np.maximum(inner, LEAST_SHARE) if confined else np.ones(inner.shape)
    amount, ones = overlaps.gathered([field * each, each], len(mesh.points))
    volumes = point_volumes_mm3(mesh)
    constant = ones * voxel_mm3 / volumes
    unset = constant < ON_A_FACE
    values = np.where(unset, np.nan, amount * voxel_mm3 / volumes)
    total = float(np.abs(density, where=np.isfinite(density), out=np.zeros(density.shape)).sum())
    return Transferred(
        values,
        share,
        before=float((field * taken).sum()) * voxel_mm3,
        after=float(np.nansum(values * volumes)),
        outside=1.0 - float((np.abs(field) * taken).sum()) / total if total else 0.0,
        unset=int(unset.sum()),
        partial=float(field[(inner > 0) & (inner < WHOLE)].sum()) * voxel_mm3,
        off_constant=float(np.abs(constant - 1.0).max()),
    )


def point_volumes_mm3(mesh: OrganMesh) -> Floats:
    """Return (n,) a quarter of the tetrahedra around each point: ∫ of its hat function."""
    quarter = np.repeat(mesh.volumes_mm3() / 4.0, 4)
    return np.bincount(mesh.tetrahedra.ravel(), quarter, len(mesh.points))


def _require_points(mesh: OrganMesh, values: Floats) -> None:
    count = len(mesh.points)
    if values.shape != (count,):
        raise BadArgument(
            f"a field on this mesh has {count} numbers, not {values.shape}", where="transfer"
        )
    without = int((~np.isfinite(values)).sum())
    if without:
        raise BadArgument(
            f"{without} of {count} points of the mesh have no finite value", where="transfer"
        )


def _require_grid(shape: tuple[int, ...], affine: Floats) -> None:
    if len(shape) != 3 or not all(shape):
        raise BadArgument(f"a grid has three dimensions, not {shape}", where="transfer")
    if not np.isfinite(affine).all() or _voxel_mm3(affine) == 0.0:
        raise BadArgument("the voxels of the grid have no volume", where="transfer")


def _require_numbers(density: NDArray[Any], share: Floats) -> None:
    without = np.argwhere(~np.isfinite(density) & (share > 0))
    if len(without):
        raise BadArgument(
            f"{len(without)} voxels in the mesh have no finite density",
            where=f"voxel {tuple(without[0].tolist())}",
            advice="give them a value, 0 where there is nothing",
        )


def _cleared(share: Floats) -> Floats:
    """Return shares without round-off around 0."""
    result: Floats = np.where(share > NOTHING, share, 0.0)
    return np.asfortranarray(result)


def _between(values: NDArray[Any], low: Ints, along: Floats) -> Floats:
    """Return (n,) values between eight voxels, of which those without a number do not count.

    Args:
        values: (ni, nj, nk).
        low: (n, 3) the voxel below; `along` (n, 3) how far beyond it, in voxels.
    """
    sums = np.zeros((2, len(low)))
    found, lacking = np.zeros(len(low)), np.zeros(len(low), dtype=bool)
    for corner in np.ndindex(2, 2, 2):
        i, j, k = np.minimum(low + corner, np.array(values.shape) - 1).T
        weight = np.where(corner, along, 1.0 - along).prod(axis=1)
        bounded = np.where(corner, np.clip(along, 0, 1), 1.0 - np.clip(along, 0, 1)).prod(axis=1)
        here = values[i, j, k].astype(np.float64)
        known = np.isfinite(here)
        here = np.where(known, here, 0.0)
        found += weight * here
        sums += np.where(known, bounded, 0.0) * np.stack([here, np.ones(len(here))])
        lacking |= ~known & (bounded > 0)
    alone = np.where(sums[1] > ON_A_FACE, sums[0] / np.maximum(sums[1], ON_A_FACE), np.nan)
    result: Floats = np.where(lacking, alone, found)
    return result


def _voxel_mm3(affine: Floats) -> float:
    return abs(float(np.linalg.det(affine[:3, :3])))


def _volume_outside(mesh: OrganMesh, shape: tuple[int, ...], affine: Floats) -> float:
    """Return the part of the mesh outside the grid, by the volumes of its points."""
    index, volumes = in_index(mesh.points, affine), point_volumes_mm3(mesh)
    beyond = ((index < -0.5) | (index > np.array(shape) - 0.5)).any(axis=1)
    return float(volumes[beyond].sum() / volumes.sum())


def _candidates(corners: Floats, shape: tuple[int, int, int]) -> Iterator[tuple[Ints, Ints]]:
    """Yield pairs of tetrahedra (k,) and voxels (k, 3) whose centres may lie in them."""
    low = np.clip(np.ceil(corners.min(axis=1) - ON_A_FACE), 0, None).astype(np.int64)
    high = np.floor(corners.max(axis=1) + ON_A_FACE).astype(np.int64)
    spans = np.maximum(np.minimum(high, np.array(shape) - 1) - low + 1, 0)
    counts = spans.prod(axis=1)
    cells = np.flatnonzero(counts)
    group = np.cumsum(counts[cells]) // AT_ONCE
    for number in np.unique(group):
        some = cells[group == number]
        owner = np.repeat(some, counts[some])
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts[some]) - counts[some],
                                                   counts[some])  # fmt: skip
        span = spans[owner]
        rest, k = np.divmod(within, span[:, 2])
        i, j = np.divmod(rest, span[:, 1])
        yield owner, low[owner] + np.stack([i, j, k], axis=1)


def _weights(corners: Floats, places: NDArray[Any]) -> Floats:
    """Return (k, 4) barycentric weights of places (k, 3) in tetrahedra (k, 4, 3)."""
    edges = corners[:, 1:] - corners[:, :1]
    away = (places - corners[:, 0])[:, :, None]
    others = np.linalg.solve(edges.swapaxes(1, 2), away)[:, :, 0]
    return np.concatenate([1.0 - others.sum(axis=1, keepdims=True), others], axis=1)
