"""Fitting: interface points moved until every region has its volume, no cell turned over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.meshing.interfaces import Interfaces, area_vectors, enclosed_mm3, unit
from organtwin.meshing.sampling import Candidates
from organtwin.meshing.tetrahedra import Cells, Tetrahedra
from organtwin.meshing.volumes import signed_volumes

HALVINGS = 8
KEPT_VOLUME = 0.2
ROUNDS = 4


def fitted(
    cells: Cells, dense: Candidates, targets_mm3: Mapping[tuple[int, ...], float]
) -> Tetrahedra:
    """Return the cells of the organ, interfaces on the smooth surface, regions of their volumes.

    First points that repairs left astray of an interface are pulled to it. Then interfaces are
    offset: flat triangles between points of a curved surface enclose too little, the offset gives
    it back. Where a step would squeeze a cell below a fifth of its volume, its points move half as
    far, again and again, or not at all.

    Args:
        dense: points on the smooth interfaces with normals.
        targets_mm3: labels of a union of regions → the volume it shall have.
    """
    interfaces = cells.interfaces()
    tetrahedra = cells.tetrahedra[cells.regions > 0]
    points = _careful(cells.points, _pull(cells, interfaces, dense), tetrahedra)
    shells = [(interfaces.shell(inside), target) for inside, target in targets_mm3.items()]
    points = _careful(points, offset_to_volumes(points, shells) - points, tetrahedra)
    used, index = np.unique(tetrahedra, return_inverse=True)
    return Tetrahedra(points[used], index.reshape(-1, 4), cells.regions[cells.regions > 0])


def _pull(cells: Cells, interfaces: Interfaces, dense: Candidates) -> NDArray[np.float64]:
    """Return (n, 3) steps in mm that bring strays of the interfaces to the smooth surface."""
    rows = np.unique(interfaces.triangles)
    rows = rows[rows >= cells.sampled]
    _, near = cKDTree(dense.points).query(cells.points[rows])
    height = np.einsum("ij,ij->i", dense.points[near] - cells.points[rows], dense.normals[near])
    step = np.zeros_like(cells.points)
    step[rows] = height[:, None] * dense.normals[near]
    return step


def _careful(
    points: NDArray[np.float64], step: NDArray[np.float64], tetrahedra: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return points moved by a step, or less where a tetrahedron would be squeezed."""
    least = KEPT_VOLUME * signed_volumes(points, tetrahedra)
    share = np.ones((len(points), 1))
    for turn in count():
        squeezed = tetrahedra[signed_volumes(points + share * step, tetrahedra) < least]
        if len(squeezed) == 0:
            break
        share[np.unique(squeezed)] *= 0.5 if turn < HALVINGS else 0.0
    return points + share * step


def offset_to_volumes(
    points: NDArray[np.float64],
    shells: Sequence[tuple[NDArray[np.int64], float]],
    rounds: int = ROUNDS,
) -> NDArray[np.float64]:
    """Return points moved along normals until each shell encloses its volume.

    The derivative of a volume to a uniform offset along unit normals n is Σ n · a, with a the
    third of the area vectors around each point; a few Newton rounds serve shells that share points.

    Args:
        shells: outward triangles (m, 3) with the volume in mm³ they shall enclose.
    """
    moved = points.copy()
    for _ in range(rounds):
        step = np.zeros_like(moved)
        for triangles, target_mm3 in shells:
            vectors = vertex_vectors(moved, triangles)
            normals = unit(vectors)
            gain = float(np.einsum("ij,ij->", normals, vectors))
            step += normals * ((target_mm3 - enclosed_mm3(moved, triangles)) / max(gain, 1e-9))
        moved += step
    return moved


def vertex_vectors(
    points: NDArray[np.float64], triangles: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (n, 3): a third of the area vectors around each point, mm²."""
    share = area_vectors(points, triangles) / 3.0
    total = np.zeros_like(points)
    for corner in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(triangles[:, corner], share[:, axis], len(points))
    return total
