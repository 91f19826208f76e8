"""A mesh with far fewer tetrahedra, for answers while somebody waits; and values back from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from organtwin.core.errors import BadMesh
from organtwin.core.organmesh import OrganMesh

MM3_PER_EDGE3: Final = 1.0 / 18.0
"""Volume of a tetrahedron of Mmg's over its edge cubed, tumours' smaller ones in (measured)."""
SURFACE_PER_EDGE: Final = 1.0 / 5.0
"""How far Mmg may draw the surface from where it was, over the edge."""
NEAREST: Final = 24
"""Tetrahedra looked at for each place, by their middles."""
SILENT: Final = -1


def coarser(mesh: OrganMesh, tetrahedra: int, *, joined: Collection[int] = ()) -> OrganMesh:
    """Return the mesh with about so many tetrahedra; as it is if it has no more.

    Args:
        joined: labels of regions that become part of the organ.

    Raises:
        BadMesh: Mmg could not work on the mesh, or made one that cannot be used.
    """
    import mmgpy

    if len(mesh.tetrahedra) <= tetrahedra:
        return mesh
    organ = mesh.structures[0]
    regions = np.where(np.isin(mesh.regions, list(joined)), organ.label, mesh.regions)
    edge_mm = float(np.cbrt(mesh.volumes_mm3().sum() / tetrahedra / MM3_PER_EDGE3))
    centre = mesh.points.mean(axis=0)
    work = mmgpy.MmgMesh3D()
    work.set_mesh_size(vertices=len(mesh.points), tetrahedra=len(mesh.tetrahedra))
    work.set_vertices(np.ascontiguousarray(mesh.points - centre))
    work.set_tetrahedra(np.ascontiguousarray(mesh.tetrahedra), regions.astype(np.int64))
    try:
        work.remesh(hsiz=edge_mm, hausd=SURFACE_PER_EDGE * edge_mm, verbose=SILENT)
    except RuntimeError as error:
        raise BadMesh(f"the mesh could not be made coarser ({error})", where="Mmg") from error
    cells, labels = work.get_tetrahedra_with_refs()
    left = tuple(
        s if s is organ else replace(s, within=organ.name)
        for s in mesh.structures
        if s.label in np.unique(labels)
    )
    points = np.asarray(work.get_vertices()) + centre
    return OrganMesh(points, cells.astype(np.int32), labels.astype(np.int32), left)


def interpolation(mesh: OrganMesh, places_mm: NDArray[np.float64]) -> sparse.csr_array:
    """Return (p, n): it turns values at a mesh's points into values at places (p, 3) LPS mm.

    Linear in the tetrahedron that a place lies in; beyond the mesh in the one that it is least
    outside of, so that a curved surface may bulge a little over it.
    """
    middles = mesh.points[mesh.tetrahedra].mean(axis=1)
    _, near = cKDTree(middles).query(places_mm, k=min(NEAREST, len(middles)))
    near = near.reshape(len(places_mm), -1)
    weights = _barycentric(mesh.points[mesh.tetrahedra], near, places_mm)
    best = np.argmax(weights.min(axis=2), axis=1)
    row = np.arange(len(places_mm))
    corners = mesh.tetrahedra[near[row, best]]
    shape = (len(places_mm), len(mesh.points))
    starts = np.arange(0, 4 * len(places_mm) + 1, 4)
    return sparse.csr_array((weights[row, best].ravel(), corners.ravel(), starts), shape=shape)


def _barycentric(
    corners: NDArray[np.float64], near: NDArray[np.int64], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (p, k, 4) the weights of places (p, 3) in k tetrahedra each of corners (m, 4, 3)."""
    origin = corners[:, 0]
    inverse = np.linalg.inv((corners[:, 1:] - origin[:, None]).transpose(0, 2, 1))
    away = places[:, None] - origin[near]
    rest = np.einsum("pkij,pkj->pki", inverse[near], away)
    return np.concatenate([1.0 - rest.sum(axis=2, keepdims=True), rest], axis=2)
