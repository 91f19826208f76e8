"""Meshes of known volume, without a mesher."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from organtwin.core.organmesh import OrganMesh
from organtwin.organs import tumour
from organtwin.organs.liver import ORGAN


def cube(parts: int = 6, edge_mm: float = 5.0, tumour_parts: int = 2) -> OrganMesh:
    """A liver of parts³ cubes, each of six tetrahedra (Kuhn), with a cube of tumour inside."""
    steps = np.arange(parts + 1.0) * edge_mm
    points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    corners = np.stack(np.meshgrid(*[np.arange(parts)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    strides = np.array([(parts + 1) ** 2, parts + 1, 1])
    cells = []
    for order in permutations(range(3)):
        walk = np.cumsum([0, *strides[list(order)]])
        even = np.linalg.det(np.eye(3)[list(order)]) > 0
        cells.append((corners @ strides)[:, None] + (walk if even else walk[[0, 2, 1, 3]]))
    tetrahedra = np.concatenate(cells).astype(np.int32)
    middle = points[tetrahedra].mean(axis=1) - points.mean(axis=0)
    inside = (np.abs(middle) < tumour_parts * edge_mm / 2).all(axis=1)
    regions = np.where(inside, 101, 1).astype(np.int32)
    return OrganMesh(points, tetrahedra, regions, (ORGAN.structures[0], tumour(1, "liver")))


def interface(mesh: OrganMesh, first: str, second: str) -> np.ndarray:
    """Return (f, 3) the faces between two regions, normals out of the first."""
    back, front = mesh.structure(first).label, mesh.structure(second).label
    triangles, sides = mesh.interfaces()
    along = triangles[(sides == (back, front)).all(axis=1)]
    against = triangles[(sides == (front, back)).all(axis=1)]
    return np.concatenate([along, against[:, ::-1]])
