"""Warping: where the tissue of a deformed mesh comes from, and where points in it go.

A displacement is linear in each tetrahedron. The tissue at a place of the deformed mesh is found in
the tetrahedron around it, and by the same barycentric weights in the mesh at rest. Centres of
voxels in a tetrahedron are found row by row: along a row each weight is linear, so that those
inside are an interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, BadMesh
from organtwin.core.organmesh import OrganMesh
from organtwin.core.volume import to_index

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROWS_AT_ONCE: Final = 500_000
ON_A_FACE: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Covered:
    """Voxels whose centres lie in tetrahedra; one on a face shows up once for each.

    Args:
        voxels: (k,) int64, places in the grid's Fortran order.
        cells: (k,) int64, the tetrahedron of each.
        source: (k, 3) float64, index of the grid where its tissue was at rest.
    """

    voxels: Ints
    cells: Ints
    source: Floats


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Points after deformation.

    Args:
        points_mm: (k, 3) float64, LPS mm; those that belong to no tissue are where they were.
        off_mm: (k,) float64, how far outside of the mesh they lie at rest, 0 inside.
        moved: (k,) bool, whether they were moved: inside, or near enough.
    """

    points_mm: Floats
    off_mm: Floats
    moved: NDArray[np.bool_]


def require_sound(mesh: OrganMesh, displacement_mm: NDArray[Any]) -> Floats:
    """Return (n, 3) float64 the points after deformation, LPS mm.

    Raises:
        BadArgument: not three finite numbers for each point.
        BadMesh: tetrahedra are turned inside out; how many, and where the worst was.
    """
    moved = np.asarray(displacement_mm, np.float64)
    if moved.shape != mesh.points.shape or not np.isfinite(moved).all():
        raise BadArgument(
            f"a displacement has three finite numbers for each of {len(mesh.points)} points",
            where="warp",
        )
    points: Floats = mesh.points + moved
    corners = points[mesh.tetrahedra]
    ratio = np.linalg.det(corners[:, 1:] - corners[:, :1]) / (6.0 * mesh.volumes_mm3())
    if ratio.min() <= 0.0:
        x, y, z = mesh.points[mesh.tetrahedra[int(ratio.argmin())]].mean(axis=0)
        raise BadMesh(
            f"{int((ratio <= 0.0).sum())} tetrahedra are turned inside out, the worst at "
            f"({x:.0f}, {y:.0f}, {z:.0f}) mm",
            where="warp",
            advice="deform with smaller loads or a finer mesh: such a displacement is no place",
        )
    return points


def covered(
    mesh: OrganMesh, points_mm: Floats, shape: tuple[int, ...], affine: Floats
) -> Iterator[Covered]:
    """Yield the voxels that the mesh covers when its points are at `points_mm`, in portions.

    Args:
        points_mm: (n, 3) LPS mm.
        shape: of the grid, three; `affine` (4, 4), index → LPS mm.
    """
    now = to_index(affine, points_mm)[mesh.tetrahedra]
    rest = to_index(affine, mesh.points)[mesh.tetrahedra]
    weights = np.linalg.inv(np.concatenate([now, np.ones((len(now), 4, 1))], axis=2))
    back = np.einsum("mca,mad->mcd", weights, rest)
    low = np.clip(np.ceil(now.min(axis=1) - ON_A_FACE), 0, None).astype(np.int64)
    high = np.minimum(np.floor(now.max(axis=1) + ON_A_FACE), np.array(shape) - 1).astype(np.int64)
    spans = np.where((high < low).any(axis=1)[:, None], 0, high - low + 1)
    rows = spans[:, 1] * spans[:, 2]
    cells = np.flatnonzero(rows)
    portion = np.cumsum(rows[cells]) // ROWS_AT_ONCE
    for number in np.unique(portion):
        some = cells[portion == number]
        owner, within = _spread(some, rows[some])
        j = low[owner, 1] + within % spans[owner, 1]
        k = low[owner, 2] + within // spans[owner, 1]
        yield _in_rows(weights, back, owner, places=(j, k), shape=shape)


def _in_rows(
    weights: Floats, back: Floats, owner: Ints, *, places: tuple[Ints, Ints], shape: tuple[int, ...]
) -> Covered:
    """The voxels of rows along i at `places` (j, k) in the tetrahedra `owner`."""
    j, k = places
    chosen = weights[owner]
    slope = chosen[:, 0]
    base = chosen[:, 1] * j[:, None] + chosen[:, 2] * k[:, None] + chosen[:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        end = -(base + ON_A_FACE) / slope
    level = np.abs(slope) < 1e-14
    never = (level & (base < -ON_A_FACE)).any(axis=1)
    first = np.where((slope > 0) & ~level, end, 0.0).max(axis=1)
    last = np.where((slope < 0) & ~level, end, shape[0] - 1.0).min(axis=1)
    start = np.maximum(np.ceil(first), 0).astype(np.int64)
    stop = np.minimum(np.floor(last), shape[0] - 1).astype(np.int64)
    count = np.where(never, 0, np.maximum(stop - start + 1, 0))
    row, along = _spread(np.arange(len(owner)), count)
    i = start[row] + along
    cells, j, k = owner[row], j[row], k[row]
    matrix = back[cells]
    source = matrix[:, 0] * i[:, None] + matrix[:, 1] * j[:, None]
    source += matrix[:, 2] * k[:, None] + matrix[:, 3]
    return Covered((k * shape[1] + j) * shape[0] + i, cells, source)


def _spread(things: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Each thing as often as it counts, and the number of each among its own."""
    ends = np.cumsum(counts)
    within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)
    return np.repeat(things, counts), within


def moved_landmarks(
    points_mm: NDArray[Any],
    mesh: OrganMesh,
    displacement_mm: NDArray[Any],
    *,
    near_mm: float = 2.0,
) -> Landmarks:
    """Return where points go with the tissue they are in.

    A point outside the mesh by at most `near_mm` goes with the nearest tissue; one farther out is
    no tissue of the mesh and stays.

    Args:
        points_mm: (k, 3) LPS mm at rest.
        displacement_mm: (n, 3) of the mesh's points.

    Raises:
        BadArgument, BadMesh: as `require_sound`; a point is no number.
    """
    points = np.asarray(points_mm, np.float64).reshape(-1, 3)
    if not np.isfinite(points).all():
        raise BadArgument("a landmark has no place", where="landmarks")
    moved = require_sound(mesh, displacement_mm) - mesh.points
    cells, nearest = _nearest_tissue(points, mesh)
    off = np.linalg.norm(points - nearest, axis=1)
    corners = np.concatenate([mesh.points[mesh.tetrahedra[cells]], np.ones((len(cells), 4, 1))], 2)
    places = np.column_stack([nearest, np.ones(len(cells))])
    weights = np.linalg.solve(corners.swapaxes(1, 2), places[:, :, None])[:, :, 0]
    taken = off <= near_mm
    shift = np.einsum("ka,kad->kd", weights, moved[mesh.tetrahedra[cells]])
    return Landmarks(np.where(taken[:, None], points + shift, points), off, taken)


def _nearest_tissue(points: Floats, mesh: OrganMesh) -> tuple[Ints, Floats]:
    """The tetrahedron around or nearest to each point, and the place in it (k, 3) nearest to it."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import mutable, vtkPoints
    from vtkmodules.vtkCommonDataModel import (
        VTK_TETRA,
        vtkCellArray,
        vtkGenericCell,
        vtkStaticCellLocator,
        vtkUnstructuredGrid,
    )

    corners, cells, grid = vtkPoints(), vtkCellArray(), vtkUnstructuredGrid()
    corners.SetData(numpy_to_vtk(mesh.points, deep=1))
    offsets = np.arange(0, 4 * len(mesh.tetrahedra) + 1, 4)
    ends = [numpy_to_vtk(each, deep=1) for each in (offsets, mesh.tetrahedra.ravel().astype(int))]
    cells.SetData(*ends)
    grid.SetPoints(corners)
    grid.SetCells(VTK_TETRA, cells)
    locator: Any = vtkStaticCellLocator()
    cell = vtkGenericCell()
    locator.SetDataSet(grid)
    locator.BuildLocator()
    found, nearest = np.zeros(len(points), np.int64), np.zeros((len(points), 3))
    number: Any = mutable(0)
    part, square = mutable(0), mutable(0.0)
    for row, point in enumerate(points):
        locator.FindClosestPoint(point, nearest[row], cell, number, part, square)
        found[row] = number.get()
    return found, nearest
