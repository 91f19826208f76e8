"""A tetrahedral mesh made finer near a tumour, by bisection of its long edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.failures import BadInput
from solvers.tetrahedra import edge_pairs, volumes_mm3

MOST_ROUNDS = 12


@dataclass(frozen=True)
class Mesh:
    """Tetrahedra on points.

    Args:
        points_mm: (n, 3) float64 LPS mm.
        cells: (m, 4) int32 node indices.
        regions: (m,) int32 labels.
    """

    points_mm: NDArray[np.float64]
    cells: NDArray[np.int32]
    regions: NDArray[np.int32]


def refined_near(
    mesh: Mesh,
    distance_at: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    edge_mm: float,
    radius_mm: float,
    most_nodes: int,
) -> Mesh:
    """Return the mesh with no edge longer than `edge_mm` that comes within `radius_mm`.

    Args:
        distance_at: (n, 3) points → (n,) signed distance in mm to the tumour's surface.
        edge_mm: longest edge wanted near the tumour and inside it.
        radius_mm: an edge counts when an end or its middle lies less than this beyond the surface.
        most_nodes: bound on the size of the answer.

    Raises:
        BadInput: the refined mesh would be too large.
    """
    from dolfinx import mesh as dolfinx_mesh

    marked = _long_edges(mesh, distance_at, edge_mm, radius_mm)
    if not len(marked):
        return mesh
    near = distance_at(mesh.points_mm[mesh.cells].mean(axis=1)) < radius_mm
    _require_size(
        float(volumes_mm3(mesh.points_mm, mesh.cells)[near].sum()) / edge_mm**3, most_nodes
    )
    grid, regions = as_dolfinx(mesh)
    for _ in range(MOST_ROUNDS):
        grid.topology.create_connectivity(1, 3)
        edges = _edge_indices(grid, marked)
        grid, parent, _ = dolfinx_mesh.refine(
            grid, edges, option=dolfinx_mesh.RefinementOption.parent_cell
        )
        regions = regions[parent[grid.topology.original_cell_index]]
        mesh = Mesh(grid.geometry.x.copy(), grid.geometry.dofmaps[0].copy(), regions)
        _require_size(len(mesh.points_mm), most_nodes)
        marked = _long_edges(mesh, distance_at, edge_mm, radius_mm)
        if not len(marked):
            return mesh
    raise BadInput(f"edges stay longer than {edge_mm} mm after {MOST_ROUNDS} rounds of refinement")


def _require_size(nodes: float, most: int) -> None:
    if nodes > most:
        raise BadInput(
            f"the mesh near the tumour needs more than {most} nodes: "
            "choose a larger edge_mm or a smaller refine_radius_mm"
        )


def as_dolfinx(mesh: Mesh) -> tuple[Any, NDArray[np.int32]]:
    """Return the DOLFINx mesh of tetrahedra and (m,) the regions in its own cell order."""
    import basix.ufl
    from dolfinx import mesh as dolfinx_mesh
    from mpi4py import MPI

    element = basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,))
    grid = dolfinx_mesh.create_mesh(
        MPI.COMM_SELF, mesh.cells.astype(np.int64), element, mesh.points_mm
    )
    return grid, mesh.regions[grid.topology.original_cell_index]


def _long_edges(
    mesh: Mesh, distance_at: Any, edge_mm: float, radius_mm: float
) -> NDArray[np.int32]:
    pairs = edge_pairs(mesh.cells)
    start, end = mesh.points_mm[pairs[:, 0]], mesh.points_mm[pairs[:, 1]]
    pairs = pairs[np.linalg.norm(end - start, axis=1) > edge_mm]
    start, end = mesh.points_mm[pairs[:, 0]], mesh.points_mm[pairs[:, 1]]
    near = np.minimum(
        np.minimum(distance_at(start), distance_at(end)), distance_at((start + end) / 2)
    )
    return np.asarray(pairs[near < radius_mm], dtype=np.int32)


def _edge_indices(grid: Any, pairs: NDArray[np.int32]) -> NDArray[np.int32]:
    from dolfinx.mesh import entities_to_geometry

    count = grid.topology.index_map(1).size_local
    ends = np.sort(entities_to_geometry(grid, 1, np.arange(count, dtype=np.int32)), axis=1)
    size = len(grid.geometry.x)
    key = ends[:, 0].astype(np.int64) * size + ends[:, 1]
    wanted = pairs[:, 0].astype(np.int64) * size + pairs[:, 1]
    return np.flatnonzero(np.isin(key, wanted)).astype(np.int32)
