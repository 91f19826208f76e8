"""Transfer: fields from a mesh to a voxel grid and back, and what was lost on the way.

Fields on a mesh are linear in each tetrahedron, a value at each point (P1); fields on a grid have
a value at each voxel's centre. Two ways in each direction:

- interpolation, for temperatures, displacements, concentrations: exact for linear fields;
- of densities (amount per mm³): the amount is kept to round-off. Tetrahedra are divided into equal
  small ones, each of which gives its amount to the voxel its middle lies in; the way back is the
  transpose, divided by the lumped volume of each point (a lumped L2 projection).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PARTS_PER_VOXEL: Final = 2
MOST_PARTS: Final = 16
AT_ONCE: Final = 2_000_000
ON_A_FACE: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Transferred:
    """A field at its new place.

    Args:
        values: (ni, nj, nk) float64, Fortran order, or (n,) at the points of the mesh; NaN where
            an interpolated field has no value.
        share: (ni, nj, nk) part of each voxel inside the mesh as the transfer sees it: of a voxel
            wholly inside 1 ± 0.03 on average, in single ones up to ± 0.25. None for interpolation.
        before: integral of the field where it came from, in its unit times mm³.
        after: the same where it went to.
        outside: part (0..1) of the volume or amount that lies outside the target.
        unset: target voxels or points without a value.
    """

    values: Floats
    share: Floats | None
    before: float
    after: float
    outside: float
    unset: int

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
        some = np.where(self.share > 0, self.share, np.nan)
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
        BadArgument: not one number for each point.
    """
    _require(values, (len(mesh.points),))
    corners = _index(mesh.points, affine)[mesh.tetrahedra]
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

    Within half a voxel of the outermost centres the field goes on linearly.

    Args:
        values: (ni, nj, nk); `affine` (4, 4), index → LPS mm.

    Raises:
        BadArgument: not three dimensions.
    """
    if values.ndim != 3:
        raise BadArgument("a field on voxels has three dimensions", where="transfer")
    index, size = _index(mesh.points, affine), np.array(values.shape)
    low = np.clip(np.floor(index), 0, np.maximum(size - 2, 0)).astype(np.int64)
    share = np.where(size > 1, index - low, 0.0)
    found = np.zeros(len(index))
    for corner in np.ndindex(2, 2, 2):
        i, j, k = np.minimum(low + corner, size - 1).T
        found += np.where(corner, share, 1.0 - share).prod(axis=1) * values[i, j, k]
    beyond = ((index < -0.5) | (index > size - 0.5)).any(axis=1)
    found[beyond] = np.nan
    volumes = point_volumes_mm3(mesh)
    covered = _shares(mesh, values.shape, affine)[0] > 0
    before = float(np.nansum(values[covered])) * _voxel_mm3(affine)
    after = float(np.nansum(found * volumes))
    outside = float(volumes[beyond].sum() / volumes.sum())
    return Transferred(found, None, before, after, outside, int(beyond.sum()))


def density_to_grid(
    mesh: OrganMesh, density: Floats, shape: tuple[int, int, int], affine: Floats
) -> Transferred:
    """Bring a density to voxels so that the amount is kept; arguments as `to_grid`.

    A voxel's density is its amount over its whole volume, also where the mesh fills a part of it.
    """
    _require(density, (len(mesh.points),))
    voxel_mm3 = _voxel_mm3(affine)
    share, outside_mm3 = _shares(mesh, shape, affine)
    amount = np.zeros(share.size + 1)
    for place, cells, weights, part_mm3 in _parts(mesh, shape, affine):
        here = (weights * density[mesh.tetrahedra[cells]]).sum(axis=1) * part_mm3
        amount += np.bincount(place, here, share.size + 1)
    before = float(point_volumes_mm3(mesh) @ density)
    values = np.asfortranarray(amount[:-1].reshape(shape) / voxel_mm3)
    after = float(values.sum()) * voxel_mm3
    volume = float(mesh.volumes_mm3().sum())
    unset = int((share == 0).sum())
    return Transferred(values, share, before, after, outside_mm3 / volume, unset)


def density_to_mesh(mesh: OrganMesh, density: NDArray[Any], affine: Floats) -> Transferred:
    """Bring a density on voxels to a mesh so that the amount is kept; arguments as `to_mesh`.

    The whole amount of a voxel that the mesh fills in part goes to that part; that of voxels
    without mesh stays behind (`outside`).
    """
    if density.ndim != 3:
        raise BadArgument("a field on voxels has three dimensions", where="transfer")
    voxel_mm3 = _voxel_mm3(affine)
    share, _ = _shares(mesh, density.shape, affine)
    tissue = np.append(np.where(share > 0, density / np.maximum(share, 1e-300), 0.0).ravel(), 0.0)
    amount = np.zeros(len(mesh.points))
    for place, cells, weights, part_mm3 in _parts(mesh, density.shape, affine):
        here = weights * (tissue[place] * part_mm3)[:, None]
        amount += np.bincount(mesh.tetrahedra[cells].ravel(), here.ravel(), len(amount))
    volumes = point_volumes_mm3(mesh)
    values = amount / volumes
    total = float(np.abs(density).sum())
    left = float(np.abs(density[share == 0]).sum())
    before = float(density[share > 0].sum()) * voxel_mm3
    return Transferred(values, share, before, float(values @ volumes), left / (total or 1.0), 0)


def point_volumes_mm3(mesh: OrganMesh) -> Floats:
    """Return (n,) a quarter of the tetrahedra around each point: ∫ of its hat function."""
    quarter = np.repeat(mesh.volumes_mm3() / 4.0, 4)
    return np.bincount(mesh.tetrahedra.ravel(), quarter, len(mesh.points))


def _require(values: Floats, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise BadArgument(
            f"a field on this mesh has {shape[0]} numbers, not {values.shape}", where="transfer"
        )


def _index(points: Floats, affine: Floats) -> Floats:
    inverse = np.linalg.inv(affine)
    result: Floats = points @ inverse[:3, :3].T + inverse[:3, 3]
    return result


def _voxel_mm3(affine: Floats) -> float:
    return abs(float(np.linalg.det(affine[:3, :3])))


def _volume_outside(mesh: OrganMesh, shape: tuple[int, ...], affine: Floats) -> float:
    """Return the part of the mesh outside the grid, by the volumes of its points."""
    index, volumes = _index(mesh.points, affine), point_volumes_mm3(mesh)
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


@cache
def _small_parts(parts: int) -> Floats:
    """Return (parts³, 4): barycentric middles of equal tetrahedra that fill one.

    A cube of parts³ cubes of six tetrahedra (Kuhn 1960); those with x ≥ y ≥ z fill the tetrahedron
    of the cube's corners in that order.
    """
    cubes = np.stack(np.meshgrid(*[np.arange(parts)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    middles = []
    for order in permutations(range(3)):
        walk = np.cumsum(np.vstack([np.zeros(3), np.eye(3)[list(order)]]), axis=0)
        middles.append(cubes + walk.mean(axis=0))
    x, y, z = np.concatenate(middles).T / parts
    kept = (x > y) & (y > z)
    x, y, z = x[kept], y[kept], z[kept]
    return np.stack([1.0 - x, x - y, y - z, z], axis=1)


def _parts(
    mesh: OrganMesh, shape: tuple[int, ...], affine: Floats
) -> Iterator[tuple[Ints, Ints, Floats, Floats]]:
    """Yield for small parts of tetrahedra: the voxel, the tetrahedron, weights (k, 4), mm³.

    The voxel is its place in C order; one past the last for parts outside the grid.
    """
    corners = _index(mesh.points, affine)[mesh.tetrahedra]
    volumes, size = mesh.volumes_mm3(), np.array(shape)
    longest = (corners.max(axis=1) - corners.min(axis=1)).max(axis=1)
    parts = np.clip(np.ceil(PARTS_PER_VOXEL * longest), 1, MOST_PARTS).astype(np.int64)
    for count in np.unique(parts):
        middles = _small_parts(int(count))
        chosen = np.flatnonzero(parts == count)
        step = max(AT_ONCE // len(middles), 1)
        for start in range(0, len(chosen), step):
            cells = chosen[start : start + step]
            index = np.rint(middles @ corners[cells]).astype(np.int64)
            beyond = ((index < 0) | (index >= size)).any(axis=2)
            place = (index[..., 0] * size[1] + index[..., 1]) * size[2] + index[..., 2]
            place[beyond] = size.prod()
            owner = np.repeat(cells, len(middles))
            part_mm3 = np.repeat(volumes[cells] / len(middles), len(middles))
            yield place.ravel(), owner, np.tile(middles, (len(cells), 1)), part_mm3


def _shares(mesh: OrganMesh, shape: tuple[int, ...], affine: Floats) -> tuple[Floats, float]:
    """Return the part of each voxel that lies in the mesh, and mm³ of the mesh off the grid."""
    filled = np.zeros(int(np.prod(shape)) + 1)
    for place, _, _, part_mm3 in _parts(mesh, shape, affine):
        filled += np.bincount(place, part_mm3, len(filled))
    share = np.asfortranarray(filled[:-1].reshape(shape) / _voxel_mm3(affine))
    return share, float(filled[-1])
